#include <algorithm>
#include <memory>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

Conv2dProblem problem_of(const Variable& x, const Variable& w, const Variable& bias,
                         const Conv2dOptions& options) {
    const Shape &in = x.shape(), &kernel = w.shape();
    if (in.rank() != 4 || kernel.rank() != 4) {
        throw Error("conv2d",
                    "wants x (N,H,W,C) and w (R,S,C,K), not " + in.text() + " and " + kernel.text());
    }
    if (w.value().type() != DType::f32) throw Error("conv2d", "wants w in f32: its gradient is");
    if (in[3] != kernel[2]) {
        throw Error("conv2d", "x " + in.text() + " has " + std::to_string(in[3]) + " channels, w " +
                                  kernel.text() + " expects " + std::to_string(kernel[2]));
    }
    if (bias && bias.shape() != Shape{kernel[3]}) {
        throw Error("conv2d", "bias is " + bias.shape().text() + ", w " + kernel.text() + " has " +
                                  std::to_string(kernel[3]) + " filters");
    }
    if (options.stride_h < 1 || options.stride_w < 1) throw Error("conv2d", "strides must be 1 or more");
    const Padding& pad = options.padding;
    if (std::min({pad.top, pad.left, pad.bottom, pad.right}) < 0)
        throw Error("conv2d", "padding is negative");
    Conv2dProblem problem;
    problem.N = in[0], problem.H = in[1], problem.W = in[2], problem.C = in[3], problem.K = kernel[3];
    problem.R = kernel[0], problem.S = kernel[1];
    problem.stride_h = options.stride_h, problem.stride_w = options.stride_w;
    problem.pad_top = pad.top, problem.pad_left = pad.left;
    problem.pad_bottom = pad.bottom, problem.pad_right = pad.right;
    problem.relu = options.relu, problem.pool = options.pool;
    const bool fits =
        problem.H + pad.top + pad.bottom >= problem.R && problem.W + pad.left + pad.right >= problem.S;
    if (!fits || problem.out_rows() < 1 || problem.out_columns() < 1) {
        throw Error("conv2d", "x " + in.text() + " is too small for w " + kernel.text() +
                                  (options.pool ? " and a 2x2 pool" : ""));
    }
    return problem;
}

/// w in the type that x has: itself, its bf16_copy, or where it has none a copy for this call.
Tensor filters_of(Backend& backend, const Variable& x, const Variable& w) {
    const DType type = x.value().type();
    if (w.value().type() == type) return w.value();
    if (w.bf16_copy() && w.bf16_copy().type() == type) return w.bf16_copy();
    Tensor filters = backend.allocate(w.shape(), type);
    backend.convert(w.value(), filters);
    return filters;
}

}  // namespace

Padding same_padding(int64_t H, int64_t W, int64_t R, int64_t S, int64_t stride_h, int64_t stride_w) {
    const auto total = [](int64_t size, int64_t kernel, int64_t stride) {
        return std::max<int64_t>(0, ((size + stride - 1) / stride - 1) * stride + kernel - size);
    };
    const int64_t rows = total(H, R, stride_h), columns = total(W, S, stride_w);
    return {rows / 2, columns / 2, rows - rows / 2, columns - columns / 2};
}

Variable conv2d(Tape& tape, const Variable& x, const Variable& w, const Variable& bias,
                const Conv2dOptions& options) {
    const Conv2dProblem problem = problem_of(x, w, bias, options);
    Backend& backend = tape.backend();
    const Shape shape{problem.N, problem.out_rows(), problem.out_columns(), problem.K};
    const Tensor filters = filters_of(backend, x, w);
    const Tensor y = backend.allocate(shape, x.value().type());
    const Tensor codes = problem.pool ? backend.allocate(shape, DType::u8) : Tensor();
    backend.conv2d_forward(problem, x.value(), filters, bias.value(), y, codes);

    auto backward = [&tape, &backend, problem, x, w, bias, filters, codes](const Tensor& dy) {
        const Conv2dGradient gradient{dy, codes, std::make_shared<Tensor>()};
        tape.accumulate_gradient(
            w, [&](const Tensor& dw) { backend.conv2d_backward_weights(problem, x.value(), gradient, dw); });
        tape.accumulate_gradient(
            bias, [&](const Tensor& db) { backend.conv2d_backward_bias(problem, gradient, db); });
        tape.accumulate_gradient(
            x,
            [&](const Tensor& dx) {
                backend.conv2d_backward_data(problem, gradient, filters, x.relu_source(), dx);
            },
            /*masked=*/true);
    };
    // The pooling codes know what ReLU clipped; without them the tape must mask the gradient.
    const bool mask = problem.relu && !problem.pool;
    return mask ? tape.record_after_relu(y, {x, w, bias}, backward) : tape.record(y, {x, w, bias}, backward);
}

}  // namespace objloc::ops
