// conv2d_backward_weights against kernels/reference/conv2d_backward_weights.h.
#include "objloc/kernels/reference/conv2d_backward_weights.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/ops/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase conv2d_backward_weights(const Conv2dProblem& g, bool sampled) {
    OpCase op;
    op.name = name_of("conv2d_backward_weights", g);
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}};
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "dw", .shape = shape_of_w(g)}};
    op.tolerance = summed(g.N * g.P() * g.Q());
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_weights(g, in[0], {in[1], g.pool ? in[2] : Tensor()}, out[0]);
    };
    static const Array none;
    const auto at = [g](const Arrays& in, size_t, int64_t element) {
        const Place to = place_in(shape_of_w(g), element);
        return reference::conv2d_backward_weights(g, in[0], in[1], g.pool ? in[2] : none, to.a, to.b, to.c,
                                                  to.d);
    };
    op.reference = [at](const Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = at(in, 0, i);
    };
    if (sampled) op.reference_at = at;
    return op;
}

}  // namespace

TEST_CASE("conv2d_backward_weights: small shapes with every epilogue") {
    for (const Conv2dProblem& problem : with_epilogues(small_convolutions())) {
        check(conv2d_backward_weights(problem, false));
    }
}

TEST_CASE("conv2d_backward_weights: sizes for tensor cores") {
    for (const Conv2dProblem& problem : with_epilogues(tensor_core_convolutions())) {
        OpCase op = conv2d_backward_weights(problem, false);
        op.tiny = true;
        check(op);
    }
}

TEST_CASE("conv2d_backward_weights: first layers") {
    for (const Conv2dProblem& problem : first_layer_convolutions()) {
        OpCase op = conv2d_backward_weights(problem, false);
        op.tiny = true;
        check(op);
    }
}

TEST_CASE("conv2d_backward_weights: VGG16's layers") {
    for (const Conv2dProblem& problem : vgg16_convolutions()) check(conv2d_backward_weights(problem, true));
}

}  // namespace objloc
