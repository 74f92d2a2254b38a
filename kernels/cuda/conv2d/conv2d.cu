// Convolutions of the CUDA backend: each call goes to the kernel that conv2d_choice.h gives.
#include <initializer_list>

#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cuda/conv2d/conv2d_kernels.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// What products of these activations are taken in. f32 activations are the user's choice of fp32 or tf32;
/// with --precision bf16 they are a head's, and stay fp32.
Precision arithmetic_of(const Tensor& activation, Precision asked) {
    if (activation.type() == DType::bf16) return Precision::bf16;
    return asked == Precision::tf32 ? Precision::tf32 : Precision::fp32;
}

/// The kernel that conv2d_choice.h gives, or the one that takes any tensor when one of these is not aligned.
/// Empty ones are.
CudaConv choose(ConvPass pass, const Conv2dProblem& problem, const Tensor& activation,
                const BackendOptions& options, const CudaDevice& device,
                std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* tensor : tensors) {
        if (*tensor && reinterpret_cast<uintptr_t>(tensor->raw()) % 16 != 0) return CudaConv::tiled;
    }
    return choose_conv2d(pass, problem, arithmetic_of(activation, options.precision), options.cuda_conv,
                         device);
}

}  // namespace

void CudaBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0) return;
    const CudaConv kernel = choose(ConvPass::forward, problem, x, options_, device_, {&x, &w, &y, &codes});
    switch (kernel) {
        case CudaConv::automatic:
        case CudaConv::mma:  // neither is ever chosen
        case CudaConv::tiled:
            return conv2d_forward_tiled(*this, problem, x, w, bias, y, codes);
        case CudaConv::mma_wide:
        case CudaConv::mma_tall:
        case CudaConv::mma_small:
            return conv2d_forward_mma(*this, kernel, problem, x, w, bias, y, codes);
        case CudaConv::first_layer:
            return conv2d_forward_first_layer(*this, problem, x, w, bias, y);
        case CudaConv::hopper:
        case CudaConv::hopper_shared_taps:
        case CudaConv::hopper_clusters:
            return conv2d_forward_hopper(*this, kernel, problem, x, w, bias, y, codes);
    }
}

void CudaBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                       const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (dx.count() == 0) return;
    const CudaConv kernel = choose(ConvPass::backward_data, problem, dx, options_, device_,
                                   {&gradient.dy, &gradient.codes, &w, &relu_source, &dx});
    switch (kernel) {
        case CudaConv::automatic:
        case CudaConv::mma:          // neither is ever chosen
        case CudaConv::first_layer:  // nor is this: it has no data gradient
        case CudaConv::tiled:
            return conv2d_backward_data_tiled(*this, problem, gradient, w, relu_source, dx);
        case CudaConv::mma_wide:
        case CudaConv::mma_tall:
        case CudaConv::mma_small:
            return conv2d_backward_data_mma(*this, kernel, problem, gradient, w, relu_source, dx);
        case CudaConv::hopper:
        case CudaConv::hopper_shared_taps:
        case CudaConv::hopper_clusters:
            return conv2d_backward_data_hopper(*this, kernel, problem, gradient, w, relu_source, dx);
    }
}

void CudaBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                          const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0) return;
    if (gradient.dy.count() == 0) return fill(dw, 0);
    const CudaConv kernel = choose(ConvPass::backward_weights, problem, x, options_, device_,
                                   {&x, &gradient.dy, &gradient.codes, &dw});
    switch (kernel) {
        case CudaConv::automatic:
        case CudaConv::mma:  // neither is ever chosen
        case CudaConv::tiled:
            return conv2d_backward_weights_tiled(*this, problem, x, gradient, dw);
        case CudaConv::mma_wide:
        case CudaConv::mma_tall:
        case CudaConv::mma_small:
            return conv2d_backward_weights_mma(*this, kernel, problem, x, gradient, dw);
        case CudaConv::first_layer:
            return conv2d_backward_weights_first_layer(*this, problem, x, gradient, dw);
        case CudaConv::hopper:
        case CudaConv::hopper_shared_taps:
        case CudaConv::hopper_clusters:
            return conv2d_backward_weights_hopper(*this, problem, x, gradient, dw);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
