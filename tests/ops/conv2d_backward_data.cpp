// conv2d_backward_data against kernels/reference/conv2d_backward_data.h.
#include "objloc/kernels/reference/conv2d_backward_data.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/ops/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase conv2d_backward_data(const Conv2dProblem& g, bool masked, bool sampled) {
    OpCase op;
    op.name = name_of("conv2d_backward_data", g) + (masked ? " relu_source" : "");
    op.inputs = {{.name = "w", .shape = shape_of_w(g)}};
    // Zeros as a ReLU leaves them, and negative numbers, which count as clipped too.
    if (masked) op.inputs.push_back({.name = "relu_source", .shape = shape_of_x(g), .fill = integers(-1, 2)});
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "dx", .shape = shape_of_x(g)}};
    op.tolerance = summed(g.R * g.S * g.K);
    op.tiny = is_tiny(g);
    op.bf16 = true;

    const size_t dy = masked ? 2 : 1, codes = dy + 1;
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_data(g, {in[dy], g.pool ? in[codes] : Tensor()}, in[0],
                                     masked ? in[1] : Tensor(), out[0]);
    };
    static const Array none;
    const auto at = [=](const Arrays& in, size_t, int64_t element) {
        const Place to = place_in(shape_of_x(g), element);
        return reference::conv2d_backward_data(g, in[dy], g.pool ? in[codes] : none, in[0],
                                               masked ? in[1] : none, to.a, to.b, to.c, to.d);
    };
    op.reference = [at](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = at(in, 0, i);
    };
    if (sampled) op.reference_at = at;
    return op;
}

}  // namespace

TEST_CASE("conv2d_backward_data: small shapes with every epilogue") {
    for (const Conv2dProblem& problem : with_epilogues(small_convolutions())) {
        check(conv2d_backward_data(problem, false, false));
        check(conv2d_backward_data(problem, true, false));
    }
}

TEST_CASE("conv2d_backward_data: sizes for tensor cores") {
    for (const Conv2dProblem& problem : with_epilogues(tensor_core_convolutions())) {
        OpCase op = conv2d_backward_data(problem, problem.relu, false);
        op.tiny = true;
        check(op);
    }
}

TEST_CASE("conv2d_backward_data: VGG16's layers") {
    for (const Conv2dProblem& problem : vgg16_convolutions())
        check(conv2d_backward_data(problem, true, true));
}

}  // namespace objloc
