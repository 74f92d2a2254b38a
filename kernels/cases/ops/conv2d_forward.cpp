// conv2d_forward, and the gradients of all four convolution ops together, as a tape runs them.
#include "objloc/kernels/reference/conv2d_forward.h"

#include <algorithm>
#include <cmath>

#include "objloc/kernels/cases/conv2d_shapes.h"

namespace objloc {
namespace {

Array bias_of(const Arrays& in) {
    return in.size() > 2 ? in[2] : Array();
}

/// How much worse than the window's maximum the value that `code` names is.
double regret(const Conv2dProblem& g, const Arrays& in, int64_t element, double code) {
    const Place at = place_in(shape_of_y(g), element);
    if (code < 0 || code > (g.relu ? kPoolClipped : 3)) return INFINITY;
    const Array bias = bias_of(in);
    const double best = reference::conv2d_output(g, in[0], in[1], bias, at.a, at.b, at.c, at.d).value;
    if (code == double{kPoolClipped}) return best;
    const auto place = static_cast<int64_t>(code);
    return best - reference::conv2d_sum(g, in[0], in[1], bias, at.a, 2 * at.b + place / 2,
                                        2 * at.c + place % 2, at.d);
}

OpCase forward(const Conv2dProblem& g, bool with_bias = true) {
    OpCase op{.op = "conv2d_forward", .shape = text_of(g) + (with_bias ? " bias" : "")};
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}, {.name = "w", .shape = shape_of_w(g)}};
    if (with_bias) op.inputs.push_back({.name = "bias", .shape = {g.K}});
    op.outputs = {{.name = "y", .shape = shape_of_y(g)}};
    if (g.pool) op.outputs.push_back({.name = "codes", .shape = shape_of_y(g), .type = DType::u8});
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_forward(g, in[0], in[1], in.size() > 2 ? in[2] : Tensor(), out[0],
                               g.pool ? out[1] : Tensor());
    };
    op.reference_at = [g](const Arrays& in, size_t output, int64_t element) {
        const Place at = place_in(shape_of_y(g), element);
        const auto y = reference::conv2d_output(g, in[0], in[1], bias_of(in), at.a, at.b, at.c, at.d);
        return output == 0 ? y.value : y.code;
    };
    op.regret = [g](const Arrays& in, int64_t element, double code) { return regret(g, in, element, code); };
    op.tolerance = summed(g.R * g.S * g.C + 1);
    op.tiny = is_tiny(g);
    op.bf16 = true;
    op.flops = g.flops();
    op.problem = g;
    return op;
}

/// How close any ReLU is to its kink, and any 2x2 window to a tie of its two best.
double kink_distance(const Conv2dProblem& fused, const Arrays& in) {
    Conv2dProblem g = fused;
    g.relu = g.pool = false;
    Array sums(shape_of_y(g));
    reference::conv2d_forward(g, in[0], in[1], in[2], sums, nullptr);
    double nearest = INFINITY;
    if (fused.relu) {
        for (const double sum : sums.values) nearest = std::min(nearest, std::abs(sum));
    }
    if (!fused.pool) return nearest;
    const Shape windows = shape_of_y(fused);
    for (int64_t i = 0; i < windows.count(); ++i) {
        const Place at = place_in(windows, i);
        std::vector<double> window;
        for (int64_t place = 0; place < 4; ++place) {
            window.push_back(sums.at(at.a, 2 * at.b + place / 2, 2 * at.c + place % 2, at.d));
        }
        std::sort(window.begin(), window.end());
        nearest = std::min(nearest, window[3] - window[2]);
    }
    return nearest;
}

/// Forward, then the gradients of x, w and bias under the cotangent dy.
std::vector<Tensor> backward(const Conv2dProblem& g, Backend& backend, const std::vector<Tensor>& in,
                             const Tensor& dy) {
    const Tensor y = backend.allocate(shape_of_y(g));
    const Tensor codes = g.pool ? backend.allocate(shape_of_y(g), DType::u8) : Tensor();
    backend.conv2d_forward(g, in[0], in[1], in[2], y, codes);
    // Codes carry the ReLU's part; without pooling dy must be zero where it clipped.
    const Tensor clipped = g.relu && !g.pool ? backend.allocate(shape_of_y(g)) : dy;
    if (g.relu && !g.pool) backend.relu_backward(dy, y, clipped);
    const Conv2dGradient gradient{clipped, codes};
    const Tensor dx = backend.allocate(in[0].shape()), dw = backend.allocate(in[1].shape()),
                 db = backend.allocate(in[2].shape());
    backend.conv2d_backward_data(g, gradient, in[1], Tensor(), dx);
    backend.conv2d_backward_weights(g, in[0], gradient, dw);
    backend.conv2d_backward_bias(g, gradient, db);
    return {dx, dw, db};
}

OpCase differentiated(const Conv2dProblem& g) {
    OpCase op = forward(g);
    op.gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
        return backward(g, backend, in, dy);
    };
    op.gradient.kink_distance = [g](const Arrays& in) { return kink_distance(g, in); };
    return op;
}

const std::vector<Conv2dProblem> kDifferentiated = {
    convolution({1, 1, 2, 2}, 2, {1, 1}, {0, 0, 0, 0}),
    convolution({2, 5, 4, 2}, 3),
    convolution({1, 7, 6, 3}, 2, {3, 3}, {1, 0, 0, 2}, {2, 3}),
    convolution({1, 6, 5, 2}, 2, {5, 3}, {2, 1, 1, 0}),
    convolution({1, 3, 5, 8}, 9),  // enough channels for Winograd
};

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const Conv2dProblem& problem : with_epilogues(small_convolutions())) {
        cases.push_back(forward(problem));
        cases.push_back(forward(problem, false));
    }
    for (const auto& list : {tensor_core_convolutions(), first_layer_convolutions()}) {
        for (const Conv2dProblem& problem : with_epilogues(list)) {
            cases.push_back(forward(problem));
            cases.back().tiny = true;
        }
    }
    for (const Conv2dProblem& problem : random_convolutions(shapes)) cases.push_back(forward(problem));
    for (const ConvLayer& layer : vgg16_layers(1, 128)) {
        cases.push_back(forward(layer.problem));
        cases.back().sampled = true;
    }
    for (const Conv2dProblem& problem : with_epilogues(kDifferentiated)) {
        cases.push_back(differentiated(problem));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const ConvLayer& layer : sizes.convolutions)
        cases.push_back(of_layer(forward(layer.problem), layer));
    return cases;
}

}  // namespace

const OpCases op_cases::conv2d_forward = {tests, bench};

}  // namespace objloc
