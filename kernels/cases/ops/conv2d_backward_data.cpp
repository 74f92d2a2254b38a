// conv2d_backward_data, with the mask of a ReLU before the convolution and without.
#include "objloc/kernels/reference/conv2d_backward_data.h"

#include "objloc/kernels/cases/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase backward_data(const Conv2dProblem& g, bool masked) {
    OpCase op{.op = "conv2d_backward_data", .shape = text_of(g) + (masked ? " relu_source" : "")};
    op.inputs = {{.name = "w", .shape = shape_of_w(g)}};
    // Zeros as a ReLU leaves them, and negative numbers, which count as clipped too.
    if (masked) op.inputs.push_back({.name = "relu_source", .shape = shape_of_x(g), .fill = integers(-1, 2)});
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "dx", .shape = shape_of_x(g)}};
    const size_t dy = masked ? 2 : 1, codes = dy + 1;
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_data(g, {in[dy], g.pool ? in[codes] : Tensor()}, in[0],
                                     masked ? in[1] : Tensor(), out[0]);
    };
    static const Array none;
    op.reference_at = [=](const Arrays& in, size_t, int64_t element) {
        const Place to = place_in(shape_of_x(g), element);
        return reference::conv2d_backward_data(g, in[dy], g.pool ? in[codes] : none, in[0],
                                               masked ? in[1] : none, to.a, to.b, to.c, to.d);
    };
    op.tolerance = summed(g.R * g.S * g.K);
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.flops = g.flops();
    op.problem = g;
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const auto& list : {with_epilogues(small_convolutions()), random_convolutions(shapes)}) {
        for (const Conv2dProblem& problem : list) {
            cases.push_back(backward_data(problem, false));
            cases.push_back(backward_data(problem, true));
        }
    }
    for (const Conv2dProblem& problem : with_epilogues(tensor_core_convolutions())) {
        cases.push_back(backward_data(problem, problem.relu));
        cases.back().tiny = true;
    }
    for (const ConvLayer& layer : vgg16_layers(1, 128)) {
        cases.push_back(backward_data(layer.problem, true));
        cases.back().sampled = true;
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const ConvLayer& layer : sizes.convolutions) {
        if (layer.first) continue;
        cases.push_back(of_layer(backward_data(layer.problem, layer.relu_input), layer));
    }
    return cases;
}

}  // namespace

const OpCases op_cases::conv2d_backward_data = {tests, bench};

}  // namespace objloc
