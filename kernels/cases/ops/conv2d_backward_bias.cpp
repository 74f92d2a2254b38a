// conv2d_backward_bias, which is a sum over memory.
#include "objloc/kernels/reference/conv2d_backward_bias.h"

#include "objloc/kernels/cases/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase backward_bias(const Conv2dProblem& g) {
    OpCase op{.op = "conv2d_backward_bias", .shape = text_of(g)};
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "db", .shape = {g.K}}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_bias(g, {in[0], g.pool ? in[1] : Tensor()}, out[0]);
    };
    static const Array none;
    op.reference_at = [g](const Arrays& in, size_t, int64_t k) {
        return reference::conv2d_backward_bias(g, in[0], g.pool ? in[1] : none, k);
    };
    op.tolerance = summed(g.N * g.P() * g.Q());
    op.unaligned = true;
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.problem = g;
    return op;
}

/// Rows enough to be split into dozens of sums.
std::vector<Conv2dProblem> many_rows() {
    std::vector<Conv2dProblem> list;
    for (const int64_t K : {3, 8, 100}) {
        list.push_back(convolution({1, 64, 71, 1}, K, {1, 1}, {0, 0, 0, 0}));
        list.push_back(convolution({4, 64, 71, 1}, K, {1, 1}, {0, 0, 0, 0}));
        list.back().relu = list.back().pool = true;
    }
    return list;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const auto& list :
         {with_epilogues(small_convolutions()), many_rows(), random_convolutions(shapes)}) {
        for (const Conv2dProblem& problem : list) cases.push_back(backward_bias(problem));
    }
    for (const ConvLayer& layer : vgg16_layers(1, 128)) cases.push_back(backward_bias(layer.problem));
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const ConvLayer& layer : sizes.convolutions) {
        cases.push_back(of_layer(backward_bias(layer.problem), layer));
    }
    return cases;
}

}  // namespace

const OpCases op_cases::conv2d_backward_bias = {tests, bench};

}  // namespace objloc
