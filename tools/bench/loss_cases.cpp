// Sums, losses, and what is said about boxes.
#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/bce.h"
#include "objloc/kernels/reference/box_metrics.h"
#include "objloc/kernels/reference/giou_loss.h"
#include "objloc/kernels/reference/reductions.h"
#include "objloc/kernels/reference/sigmoid_bce.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

constexpr int64_t kTranscendental = 64;  // logarithms and divisions on top of the sum

KernelCase of_boxes(const std::string& op_name, const Shape& boxes, std::vector<Input> inputs,
                    const Shape& output) {
    KernelCase op;
    op.op = op_name;
    op.shape = sizes_text(boxes);
    op.inputs = std::move(inputs);
    op.outputs = {{output}};
    op.terms = boxes.count() + kTranscendental;
    return op;
}

/// By central differences of the reference. Elements lie far enough from the loss's kinks.
double giou_slope(const Arrays& in, size_t, int64_t element) {
    constexpr double kStep = 1e-6;
    const auto value = [&](double step) {
        Array moved = in[0];
        moved[element] += step;
        return reference::giou_loss_forward(moved, in[1]);
    };
    return in[2][0] * (value(kStep) - value(-kStep)) / (2 * kStep);
}

}  // namespace

std::vector<KernelCase> loss_cases(int64_t N, int64_t outputs) {
    const Shape shape = {N, outputs}, one = {1};
    const int64_t count = N * outputs;
    const Input z = {.name = "z", .shape = shape}, dloss = {.name = "dloss", .shape = one},
                p = {.name = "p", .shape = shape, .fill = uniform(0.05, 0.95)},
                t = {.name = "t", .shape = shape, .fill = uniform(0.05, 0.95)};

    KernelCase sum = of_boxes("sum", shape, {p}, one);
    sum.run = [](Backend& b, const auto& in, const auto& out) { b.sum(in[0], out[0].reshaped({1, 1}), 1); };
    sum.reference = [](const Arrays& in, Arrays& out) { reference::sum(in[0], out[0], {1, 1}, 1); };

    KernelCase bce = of_boxes("bce_forward", shape, {p, t}, one);
    bce.run = [](Backend& b, const auto& in, const auto& out) { b.bce_forward(in[0], in[1], out[0]); };
    bce.reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::bce_forward(in[0], in[1]); };

    KernelCase bce_gradient = of_boxes("bce_backward", shape, {p, t, dloss}, shape);
    bce_gradient.run = [](Backend& b, const auto& in, const auto& out) {
        b.bce_backward(in[0], in[1], in[2], out[0]);
    };
    bce_gradient.reference_at = [count](const Arrays& in, size_t, int64_t i) {
        return reference::bce_backward(in[0][i], in[1][i], in[2][0], count);
    };

    KernelCase logits = of_boxes("sigmoid_bce_forward", shape, {z, t}, one);
    logits.run = [](Backend& b, const auto& in, const auto& out) {
        b.sigmoid_bce_forward(in[0], in[1], out[0]);
    };
    logits.reference = [](const Arrays& in, Arrays& out) {
        out[0][0] = reference::sigmoid_bce_forward(in[0], in[1]);
    };

    KernelCase logits_gradient = of_boxes("sigmoid_bce_backward", shape, {z, t, dloss}, shape);
    logits_gradient.run = [](Backend& b, const auto& in, const auto& out) {
        b.sigmoid_bce_backward(in[0], in[1], in[2], out[0]);
    };
    logits_gradient.reference_at = [count](const Arrays& in, size_t, int64_t i) {
        return reference::sigmoid_bce_backward(in[0][i], in[1][i], in[2][0], count);
    };

    const Input truth = {.name = "truth", .shape = shape, .fill = uniform(0.1, 0.5)};
    KernelCase giou = of_boxes("giou_loss_forward", shape, {p, truth}, one);
    giou.run = [](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).giou_loss_forward(in[0], in[1], out[0]);
    };
    giou.reference = [](const Arrays& in, Arrays& out) {
        out[0][0] = reference::giou_loss_forward(in[0], in[1]);
    };

    KernelCase giou_gradient = of_boxes("giou_loss_backward", shape, {p, truth, dloss}, shape);
    giou_gradient.run = [](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).giou_loss_backward(in[0], in[1], in[2], out[0]);
    };
    giou_gradient.reference_at = giou_slope;

    const Input sums = {.name = "sums before", .shape = {BoxMetrics::kCount}, .fill = these({0})};
    KernelCase metrics = of_boxes("box_metrics", shape, {p, t, dloss, sums}, sums.shape);
    metrics.outputs[0].updates = 3;
    metrics.run = [](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).box_metrics(in[0], in[1], in[2], out[0]);
    };
    metrics.reference = [](const Arrays& in, Arrays& out) {
        reference::box_metrics(in[0], in[1], in[2][0], out[0]);
    };
    return {sum, bce, bce_gradient, logits, logits_gradient, giou, giou_gradient, metrics};
}

}  // namespace objloc::bench
