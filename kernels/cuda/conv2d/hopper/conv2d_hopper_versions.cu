// The descriptors of the Hopper convolutions, which differ in what a block fetches once for several uses, and their
// passes on tensors: what they need beside their inputs comes from the backend's memory.
#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
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

/// The gradient of the convolution's own output, unpooled where the problem pools: once for
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

template <HopperReuse reuse>
void forward(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
             const Tensor& bias, const Tensor& y, const Tensor& codes) {
    const HopperOptions options = {.reuse = reuse};
    uint8_t* places = problem.pool ? codes.data<uint8_t>() : nullptr;
    if (x.type() == DType::bf16) {
        return conv2d_forward_hopper(backend.stream(), problem, x.data<Bf16>(), w.data<Bf16>(), floats(bias),
                                     y.data<Bf16>(), places, options);
    }
    const Tensor transposed = backend.allocate({w.count()});
    conv2d_forward_hopper(backend.stream(), problem, x.data<float>(), w.data<float>(), floats(bias),
                          y.data<float>(), places, transposed.data<float>(), options);
}

template <HopperReuse reuse>
void backward_data(CudaBackend& backend, const Conv2dProblem& problem, const Conv2dGradient& gradient,
                   const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    const HopperOptions options = {.reuse = reuse};
    const Tensor dy = unpooled_gradient(backend, problem, gradient);
    if (dx.type() == DType::bf16) {
        return conv2d_backward_data_hopper(backend.stream(), problem, dy.data<Bf16>(), w.data<Bf16>(),
                                           relu_source ? relu_source.data<Bf16>() : nullptr, dx.data<Bf16>(),
                                           options);
    }
    conv2d_backward_data_hopper(backend.stream(), problem, dy.data<float>(), w.data<float>(),
                                floats(relu_source), dx.data<float>(), options);
}

void backward_weights(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
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

// ---- Descriptors -----------------------------------------------------------------------------------------

template <HopperReuse reuse>
bool applies(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic) {
    if (arithmetic == Precision::fp32 || !hopper_conv2d_applies(problem)) return false;
    if (reuse == HopperReuse::none) return true;
    // Three taps above each other share a patch. Weight gradients share them in any case.
    if (problem.R != 3 || pass == ConvPass::backward_weights) return false;
    const int64_t channels_made = pass == ConvPass::backward_data ? problem.C : problem.K;
    return reuse == HopperReuse::taps || channels_made % 128 == 0 || arithmetic == Precision::bf16;
}

template <HopperReuse reuse>
constexpr Conv2dKernel version(const char* name) {
    return {{.name = name,
             .family = "hopper",
             .needs = {.alignment = true, .hopper = true},
             .applies = applies<reuse>,
             .preference = [](ConvPass, const Conv2dProblem&) { return kOnlyWhereMeasured; }},
            forward<reuse>,
            backward_data<reuse>,
            backward_weights};
}

}  // namespace

const Conv2dKernel conv2d_kernels::hopper = version<HopperReuse::none>("hopper");
const Conv2dKernel conv2d_kernels::hopper_shared_taps = version<HopperReuse::taps>("hopper_shared_taps");
const Conv2dKernel conv2d_kernels::hopper_clusters =
    version<HopperReuse::taps_and_clusters>("hopper_clusters");

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
