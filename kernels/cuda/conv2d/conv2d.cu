// Convolutions of the CUDA backend: each call goes to the version that conv2d_choice.h gives.
#include <initializer_list>

#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// What products of these activations are taken in. f32 activations are the user's choice of fp32 or tf32;
/// with --precision bf16 they are a head's, and stay fp32.
Precision arithmetic_of(const Tensor& activation, Precision asked) {
    if (activation.type() == DType::bf16) return Precision::bf16;
    return asked == Precision::tf32 ? Precision::tf32 : Precision::fp32;
}

/// Empty tensors are aligned.
bool are_aligned(std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* tensor : tensors) {
        if (*tensor && reinterpret_cast<uintptr_t>(tensor->raw()) % 16 != 0) return false;
    }
    return true;
}

/// The version to run; where a tensor is not aligned, the best of those that take any tensor.
const Conv2dKernel& choose(ConvPass pass, const Conv2dProblem& problem, const Tensor& activation,
                           const BackendOptions& options, const CudaDevice& device,
                           std::initializer_list<const Tensor*> tensors) {
    const Precision arithmetic = arithmetic_of(activation, options.precision);
    const Conv2dVersion& version =
        choose_conv2d(conv2d_versions(), pass, problem, arithmetic, options.conv, device);
    if (!version.needs.alignment || are_aligned(tensors)) return static_cast<const Conv2dKernel&>(version);
    static const Conv2dVersions kAnyAlignment = [] {
        Conv2dVersions versions = conv2d_versions();
        std::erase_if(versions, [](const Conv2dVersion* at) { return at->needs.alignment; });
        return versions;
    }();
    return static_cast<const Conv2dKernel&>(
        choose_conv2d(kAnyAlignment, pass, problem, arithmetic, kAutomatic, device));
}

}  // namespace

const Conv2dVersions& conv2d_versions() {
    static const Conv2dVersions versions = {
#define OBJLOC_CONV2D_VERSION(name) &conv2d_kernels::name,
#include "objloc/kernels/cuda/conv2d/conv2d_versions.inc"
    };
    return versions;
}

void CudaBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0) return;
    const Conv2dKernel& kernel =
        choose(ConvPass::forward, problem, x, options_, device_, {&x, &w, &y, &codes});
    kernel.forward(*this, problem, x, w, bias, y, codes);
}

void CudaBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                       const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (dx.count() == 0) return;
    const Conv2dKernel& kernel = choose(ConvPass::backward_data, problem, dx, options_, device_,
                                        {&gradient.dy, &gradient.codes, &w, &relu_source, &dx});
    kernel.backward_data(*this, problem, gradient, w, relu_source, dx);
}

void CudaBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                          const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0) return;
    if (gradient.dy.count() == 0) return fill(dw, 0);
    const Conv2dKernel& kernel = choose(ConvPass::backward_weights, problem, x, options_, device_,
                                        {&x, &gradient.dy, &gradient.codes, &dw});
    kernel.backward_weights(*this, problem, x, gradient, dw);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
