// The Hopper convolutions as ops of the CUDA backend, on tensors: what they need beside their inputs comes
// from the backend's memory.
#include "objloc/kernels/cuda/conv2d/conv2d_kernels.cuh"
#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

using Bf16 = __nv_bfloat16;

const float* floats(const Tensor& tensor) {
    return tensor ? tensor.data<float>() : nullptr;
}

Tensor same(CudaBackend& backend, const Tensor& tensor, int64_t N, int64_t rows, int64_t columns,
            int64_t channels) {
    return backend.allocate({N, rows, columns, channels}, tensor.type());
}

HopperOptions options_of(CudaConv kernel) {
    HopperOptions options;
    if (kernel == CudaConv::hopper_shared_taps) options.reuse = HopperReuse::taps;
    if (kernel == CudaConv::hopper_clusters) options.reuse = HopperReuse::taps_and_clusters;
    return options;
}

/// The gradient of the convolution's own output, spread over the windows where the problem pools: once for
/// both passes that want it.
Tensor unpooled_gradient(CudaBackend& backend, const Conv2dProblem& problem, const Conv2dGradient& gradient) {
    if (!problem.pool) return gradient.dy;
    if (gradient.unpooled && *gradient.unpooled) return *gradient.unpooled;
    const Tensor full = same(backend, gradient.dy, problem.N, problem.P(), problem.Q(), problem.K);
    const uint8_t* codes = gradient.codes.data<uint8_t>();
    if (full.type() == DType::bf16) {
        launch_unpool(backend.stream(), problem, gradient.dy.data<Bf16>(), codes, full.data<Bf16>());
    } else {
        launch_unpool(backend.stream(), problem, gradient.dy.data<float>(), codes, full.data<float>());
    }
    if (gradient.unpooled) *gradient.unpooled = full;
    return full;
}

}  // namespace

void conv2d_forward_hopper(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                           const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                           const Tensor& codes) {
    const HopperOptions options = options_of(kernel);
    uint8_t* places = problem.pool ? codes.data<uint8_t>() : nullptr;
    if (x.type() == DType::bf16) {
        return conv2d_forward_hopper(backend.stream(), problem, x.data<Bf16>(), w.data<Bf16>(), floats(bias),
                                     y.data<Bf16>(), places, options);
    }
    const Tensor transposed = backend.allocate({w.count()});
    conv2d_forward_hopper(backend.stream(), problem, x.data<float>(), w.data<float>(), floats(bias),
                          y.data<float>(), places, transposed.data<float>(), options);
}

void conv2d_backward_data_hopper(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                                 const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                 const Tensor& dx) {
    const HopperOptions options = options_of(kernel);
    const Tensor dy = unpooled_gradient(backend, problem, gradient);
    if (dx.type() == DType::bf16) {
        return conv2d_backward_data_hopper(backend.stream(), problem, dy.data<Bf16>(), w.data<Bf16>(),
                                           relu_source ? relu_source.data<Bf16>() : nullptr, dx.data<Bf16>(),
                                           options);
    }
    conv2d_backward_data_hopper(backend.stream(), problem, dy.data<float>(), w.data<float>(),
                                floats(relu_source), dx.data<float>(), options);
}

void conv2d_backward_weights_hopper(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                    const Conv2dGradient& gradient, const Tensor& dw) {
    const auto floats_of = [&](size_t bytes) {
        return backend.allocate({static_cast<int64_t>(bytes / sizeof(float))});
    };
    if (x.type() == DType::bf16) {
        const Tensor dy = unpooled_gradient(backend, problem, gradient);
        const Tensor partials = floats_of(hopper_weight_gradient_bytes(problem));
        return conv2d_backward_weights_hopper(backend.stream(), problem, x.data<Bf16>(), dy.data<Bf16>(),
                                              dw.data<float>(), partials.data<float>());
    }
    const Tensor transposed = floats_of(hopper_transposed_gradient_bytes(problem));
    transpose_gradient(backend.stream(), problem, gradient.dy.data<float>(),
                       problem.pool ? gradient.codes.data<uint8_t>() : nullptr, transposed.data<float>());
    const Tensor partials = floats_of(hopper_weight_gradient_tf32_bytes(problem));
    conv2d_backward_weights_hopper_tf32(backend.stream(), problem, x.data<float>(), transposed.data<float>(),
                                        dw.data<float>(), partials.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
