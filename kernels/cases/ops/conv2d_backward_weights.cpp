// conv2d_backward_weights.
#include "objloc/kernels/reference/conv2d_backward_weights.h"

#include "objloc/kernels/cases/conv2d_shapes.h"

namespace objloc {
namespace {

OpCase backward_weights(const Conv2dProblem& g) {
    OpCase op{.op = "conv2d_backward_weights", .shape = text_of(g)};
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}};
    add_gradient(g, op.inputs);
    op.outputs = {{.name = "dw", .shape = shape_of_w(g)}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_weights(g, in[0], {in[1], g.pool ? in[2] : Tensor()}, out[0]);
    };
    static const Array none;
    op.reference_at = [g](const Arrays& in, size_t, int64_t element) {
        const Place to = place_in(shape_of_w(g), element);
        return reference::conv2d_backward_weights(g, in[0], in[1], g.pool ? in[2] : none, to.a, to.b, to.c,
                                                  to.d);
    };
    op.tolerance = summed(g.N * g.P() * g.Q());
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.flops = g.flops();
    op.problem = g;
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const auto& list : {with_epilogues(small_convolutions()), random_convolutions(shapes)}) {
        for (const Conv2dProblem& problem : list) cases.push_back(backward_weights(problem));
    }
    for (const auto& list : {tensor_core_convolutions(), first_layer_convolutions()}) {
        for (const Conv2dProblem& problem : with_epilogues(list)) {
            cases.push_back(backward_weights(problem));
            cases.back().tiny = true;
        }
    }
    for (const ConvLayer& layer : vgg16_layers(1, 128)) {
        cases.push_back(backward_weights(layer.problem));
        cases.back().sampled = true;
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const ConvLayer& layer : sizes.convolutions) {
        cases.push_back(of_layer(backward_weights(layer.problem), layer));
    }
    return cases;
}

}  // namespace

const OpCases op_cases::conv2d_backward_weights = {tests, bench};

}  // namespace objloc
