// Convolution: the four ops together, as a tape runs them, against finite differences of the forward
// reference.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/kernels/reference/conv2d_forward.h"
#include "tests/op_case_gradient.h"
#include "tests/ops/conv2d_shapes.h"

namespace objloc {
namespace {

/// How close any ReLU is to its kink, and any 2x2 window to a tie of its two best.
double kink_distance(Conv2dProblem g, const Arrays& in) {
    const Conv2dProblem fused = g;
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

GradientCase conv2d(const Conv2dProblem& g) {
    GradientCase gradient;
    gradient.name = name_of("conv2d", g);
    gradient.inputs = {{.name = "x", .shape = shape_of_x(g)},
                       {.name = "w", .shape = shape_of_w(g)},
                       {.name = "bias", .shape = {g.K}}};
    gradient.output = shape_of_y(g);
    gradient.forward = [g](const Arrays& in) {
        Array y(shape_of_y(g));
        reference::conv2d_forward(g, in[0], in[1], in[2], y, nullptr);
        return y;
    };
    gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
        return backward(g, backend, in, dy);
    };
    gradient.kink_distance = [g](const Arrays& in) { return kink_distance(g, in); };
    return gradient;
}

}  // namespace

TEST_CASE("conv2d: gradients against finite differences") {
    const std::vector<Conv2dProblem> shapes = {
        convolution({1, 1, 2, 2}, 2, {1, 1}, {0, 0, 0, 0}),
        convolution({2, 5, 4, 2}, 3),
        convolution({1, 7, 6, 3}, 2, {3, 3}, {1, 0, 0, 2}, {2, 3}),
        convolution({1, 6, 5, 2}, 2, {5, 3}, {2, 1, 1, 0}),
        convolution({1, 3, 5, 8}, 9),  // enough channels for Winograd
    };
    for (const Conv2dProblem& problem : with_epilogues(shapes)) check(conv2d(problem));
}

}  // namespace objloc
