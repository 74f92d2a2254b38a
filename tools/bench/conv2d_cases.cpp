// The passes of convolutions.
#include "objloc/kernels/reference/conv2d_backward_bias.h"
#include "objloc/kernels/reference/conv2d_backward_data.h"
#include "objloc/kernels/reference/conv2d_backward_weights.h"
#include "objloc/kernels/reference/conv2d_forward.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

const Array kNone;

Shape shape_of_x(const Conv2dProblem& g) {
    return {g.N, g.H, g.W, g.C};
}

Shape shape_of_w(const Conv2dProblem& g) {
    return {g.R, g.S, g.C, g.K};
}

Shape shape_of_y(const Conv2dProblem& g) {
    return {g.N, g.out_rows(), g.out_columns(), g.K};
}

/// The position of element `i` in a dense array of rank 4.
struct Place {
    int64_t a, b, c, d;
};

Place place_in(const Shape& shape, int64_t i) {
    return {i / (shape[1] * shape[2] * shape[3]), i / (shape[2] * shape[3]) % shape[1],
            i / shape[3] % shape[2], i % shape[3]};
}

KernelCase of(const ConvLayer& layer, const std::string& op) {
    KernelCase made;
    made.op = op;
    made.layer = layer.layer;
    made.problem = layer.problem;
    made.shape = sizes_text(layer.problem);
    made.flops = layer.problem.flops();
    return made;
}

/// Appends dy, and with pooling its codes, as the last inputs.
void add_gradient(const Conv2dProblem& g, std::vector<Input>& inputs) {
    inputs.push_back({.name = "dy", .shape = shape_of_y(g)});
    if (!g.pool) return;
    const Fill codes = integers(0, g.relu ? kPoolClipped : 3);
    inputs.push_back({.name = "codes", .shape = shape_of_y(g), .fill = codes, .type = DType::u8});
}

KernelCase forward(const ConvLayer& layer) {
    const Conv2dProblem g = layer.problem;
    KernelCase op = of(layer, "conv2d_forward");
    op.inputs = {{.name = "x", .shape = shape_of_x(g)},
                 {.name = "w", .shape = shape_of_w(g)},
                 {.name = "bias", .shape = {g.K}}};
    op.outputs = {{shape_of_y(g)}};
    if (g.pool) op.outputs.push_back({shape_of_y(g), DType::u8});
    op.terms = g.R * g.S * g.C + 1;
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_forward(g, in[0], in[1], in[2], out[0], g.pool ? out[1] : Tensor());
    };
    op.reference_at = [g](const Arrays& in, size_t output, int64_t element) {
        const Place at = place_in(shape_of_y(g), element);
        const reference::Conv2dOutput y =
            reference::conv2d_output(g, in[0], in[1], in[2], at.a, at.b, at.c, at.d);
        return output == 0 ? y.value : y.code;
    };
    return op;
}

KernelCase backward_data(const ConvLayer& layer) {
    const Conv2dProblem g = layer.problem;
    const bool masked = layer.relu_input;
    KernelCase op = of(layer, "conv2d_backward_data");
    op.inputs = {{.name = "w", .shape = shape_of_w(g)}};
    if (masked) op.inputs.push_back({.name = "relu_source", .shape = shape_of_x(g), .fill = integers(-1, 1)});
    const size_t dy = op.inputs.size(), codes = dy + 1;
    add_gradient(g, op.inputs);
    op.outputs = {{shape_of_x(g)}};
    op.terms = g.R * g.S * g.K;
    op.run = [=](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_data(g, {in[dy], g.pool ? in[codes] : Tensor()}, in[0],
                                     masked ? in[1] : Tensor(), out[0]);
    };
    op.reference_at = [=](const Arrays& in, size_t, int64_t element) {
        const Place at = place_in(shape_of_x(g), element);
        return reference::conv2d_backward_data(g, in[dy], g.pool ? in[codes] : kNone, in[0],
                                               masked ? in[1] : kNone, at.a, at.b, at.c, at.d);
    };
    return op;
}

KernelCase backward_weights(const ConvLayer& layer) {
    const Conv2dProblem g = layer.problem;
    KernelCase op = of(layer, "conv2d_backward_weights");
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}};
    add_gradient(g, op.inputs);
    op.outputs = {{shape_of_w(g)}};
    op.terms = g.N * g.P() * g.Q();
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_weights(g, in[0], {in[1], g.pool ? in[2] : Tensor()}, out[0]);
    };
    op.reference_at = [g](const Arrays& in, size_t, int64_t element) {
        const Place at = place_in(shape_of_w(g), element);
        return reference::conv2d_backward_weights(g, in[0], in[1], g.pool ? in[2] : kNone, at.a, at.b, at.c,
                                                  at.d);
    };
    return op;
}

KernelCase backward_bias(const ConvLayer& layer) {
    const Conv2dProblem g = layer.problem;
    KernelCase op = of(layer, "conv2d_backward_bias");
    op.flops = 0;  // a sum over memory
    add_gradient(g, op.inputs);
    op.outputs = {{{g.K}}};
    op.terms = g.N * g.P() * g.Q();
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.conv2d_backward_bias(g, {in[0], g.pool ? in[1] : Tensor()}, out[0]);
    };
    op.reference_at = [g](const Arrays& in, size_t, int64_t k) {
        return reference::conv2d_backward_bias(g, in[0], g.pool ? in[1] : kNone, k);
    };
    return op;
}

}  // namespace

std::vector<KernelCase> conv2d_cases(const std::vector<ConvLayer>& layers) {
    std::vector<KernelCase> cases;
    for (const ConvLayer& layer : layers) cases.push_back(forward(layer));
    for (const ConvLayer& layer : layers) {
        if (!layer.first) cases.push_back(backward_data(layer));
    }
    for (const ConvLayer& layer : layers) cases.push_back(backward_weights(layer));
    for (const ConvLayer& layer : layers) cases.push_back(backward_bias(layer));
    return cases;
}

}  // namespace objloc::bench
