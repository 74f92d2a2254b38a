// conv2d_backward_bias against kernels/reference/conv2d_backward_bias.h.
#include "objloc/kernels/reference/conv2d_backward_bias.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/ops/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase conv2d_backward_bias(const Conv2dProblem& g) {
    OpCase op;
    op.name = name_of("conv2d_backward_bias", g);
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "db", .shape = {g.K}}};
    op.tolerance = summed(g.N * g.P() * g.Q());
    op.unaligned = true;
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_bias(g, {in[0], g.pool ? in[1] : Tensor()}, out[0]);
    };
    static const Array none;
    op.reference = [g](const Arrays& in, Arrays& out) {
        for (int64_t k = 0; k < g.K; ++k) {
            out[0][k] = reference::conv2d_backward_bias(g, in[0], g.pool ? in[1] : none, k);
        }
    };
    return op;
}

}  // namespace

TEST_CASE("conv2d_backward_bias: small shapes with every epilogue") {
    for (const Conv2dProblem& problem : with_epilogues(small_convolutions()))
        check(conv2d_backward_bias(problem));
}

TEST_CASE("conv2d_backward_bias: rows enough to be split into dozens of sums") {
    for (const int64_t K : {3, 8, 100}) {
        check(conv2d_backward_bias(convolution({1, 64, 71, 1}, K, {1, 1}, {0, 0, 0, 0})));
        Conv2dProblem pooled = convolution({4, 64, 71, 1}, K, {1, 1}, {0, 0, 0, 0});
        pooled.relu = pooled.pool = true;
        check(conv2d_backward_bias(pooled));
    }
}

TEST_CASE("conv2d_backward_bias: VGG16's layers") {
    for (const Conv2dProblem& problem : vgg16_convolutions()) check(conv2d_backward_bias(problem));
}

}  // namespace objloc
