// Pooling and dense layers.
#include <fmt/format.h>

#include "objloc/kernels/reference/dense.h"
#include "objloc/kernels/reference/max_pool2d.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

Shape shape_of_x(const Pool2dProblem& g) {
    return {g.N, g.H, g.W, g.C};
}

Shape shape_of_y(const Pool2dProblem& g) {
    return {g.N, g.P(), g.Q(), g.C};
}

KernelCase max_pool2d_forward(const Pool2dProblem& g) {
    KernelCase op;
    op.op = "max_pool2d_forward";
    op.shape = fmt::format("{}x{}x{}", g.H, g.W, g.C);
    op.inputs = {{.name = "x", .shape = shape_of_x(g)}};
    op.outputs = {{shape_of_y(g)}, {shape_of_y(g), DType::i32}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.max_pool2d_forward(g, in[0], out[0], out[1]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        reference::max_pool2d_forward(g, in[0], out[0], out[1]);
    };
    return op;
}

KernelCase max_pool2d_backward(const Pool2dProblem& g) {
    KernelCase op;
    op.op = "max_pool2d_backward";
    op.shape = fmt::format("{}x{}x{}", g.H, g.W, g.C);
    const Fill positions = integers(0, static_cast<int>(g.R * g.S - 1));
    op.inputs = {{.name = "dy", .shape = shape_of_y(g)},
                 {.name = "positions", .shape = shape_of_y(g), .fill = positions, .type = DType::i32}};
    op.outputs = {{shape_of_x(g)}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.max_pool2d_backward(g, in[0], in[1], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        reference::max_pool2d_backward(g, in[0], in[1], out[0]);
    };
    return op;
}

KernelCase dense(const DenseProblem& g, const std::string& op_name, std::vector<Input> inputs,
                 const Shape& output, int64_t terms) {
    KernelCase op;
    op.op = op_name;
    op.shape = sizes_text(g);
    op.inputs = std::move(inputs);
    op.outputs = {{output}};
    op.flops = flops(g);
    op.terms = terms;
    return op;
}

}  // namespace

std::vector<KernelCase> max_pool2d_cases(const std::vector<Pool2dProblem>& problems) {
    std::vector<KernelCase> cases;
    for (const Pool2dProblem& problem : problems) cases.push_back(max_pool2d_forward(problem));
    for (const Pool2dProblem& problem : problems) cases.push_back(max_pool2d_backward(problem));
    return cases;
}

std::vector<KernelCase> dense_cases(const DenseProblem& g) {
    const Input x = {.name = "x", .shape = {g.N, g.inputs}}, dy = {.name = "dy", .shape = {g.N, g.outputs}},
                w = {.name = "w", .shape = {g.inputs, g.outputs}},
                bias = {.name = "bias", .shape = {g.outputs}};

    KernelCase forward = dense(g, "dense_forward", {x, w, bias}, dy.shape, g.inputs);
    forward.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_forward(g, in[0], in[1], in[2], out[0]);
    };
    forward.reference_at = [g](const Arrays& in, size_t, int64_t i) {
        return reference::dense_forward(g, in[0], in[1], in[2], i / g.outputs, i % g.outputs);
    };
    KernelCase data = dense(g, "dense_backward_data", {dy, w}, x.shape, g.outputs);
    data.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_data(g, in[0], in[1], out[0]);
    };
    data.reference_at = [g](const Arrays& in, size_t, int64_t i) {
        return reference::dense_backward_data(g, in[0], in[1], i / g.inputs, i % g.inputs);
    };
    KernelCase weights = dense(g, "dense_backward_weights", {x, dy}, w.shape, g.N);
    weights.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_weights(g, in[0], in[1], out[0]);
    };
    weights.reference_at = [g](const Arrays& in, size_t, int64_t i) {
        return reference::dense_backward_weights(g, in[0], in[1], i / g.outputs, i % g.outputs);
    };
    KernelCase of_bias = dense(g, "dense_backward_bias", {dy}, bias.shape, g.N);
    of_bias.flops = 0;  // a sum over memory
    of_bias.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.dense_backward_bias(g, in[0], out[0]);
    };
    of_bias.reference_at = [g](const Arrays& in, size_t, int64_t o) {
        return reference::dense_backward_bias(g, in[0], o);
    };
    return {forward, data, weights, of_bias};
}

}  // namespace objloc::bench
