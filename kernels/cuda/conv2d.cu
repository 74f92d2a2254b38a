// Convolutions of the CUDA backend: which implementation each call goes to. The table is conv2d_choice.cu.
#include <initializer_list>

#include "kernels/cuda/conv2d_hopper.cuh"
#include "kernels/cuda/conv2d_kernels.cuh"
#include "kernels/cuda/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// What products of these activations are taken in. f32 activations are the user's choice of fp32 or tf32;
/// with
/// --precision bf16 they are a head's, and stay fp32.
Precision arithmetic_of(const Tensor& activation, Precision asked) {
    if (activation.type() == DType::bf16) return Precision::bf16;
    return asked == Precision::tf32 ? Precision::tf32 : Precision::fp32;
}

bool hopper_asked_for(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic,
                      const BackendOptions& options) {
    if (options.hopper == HopperConvs::off || arithmetic == Precision::fp32) return false;
    if (pass == ConvPass::backward_weights && arithmetic == Precision::tf32) return false;
    return hopper_conv2d_applies(problem);
}

HopperReuse reuse_of(HopperConvs asked) {
    if (asked == HopperConvs::shared_taps) return HopperReuse::taps;
    return asked == HopperConvs::clusters ? HopperReuse::taps_and_clusters : HopperReuse::none;
}

/// The table's choice, or the one that takes any tensor when one of these is not aligned. Empty ones are.
ConvChoice choose(ConvPass pass, const Conv2dProblem& problem, const Tensor& activation,
                  const BackendOptions& options, std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* tensor : tensors) {
        if (*tensor && reinterpret_cast<uintptr_t>(tensor->raw()) % 16 != 0) return {};
    }
    const Precision arithmetic = arithmetic_of(activation, options.precision);
    if (hopper_asked_for(pass, problem, arithmetic, options)) return {ConvKernel::hopper};
    return choose_conv2d(pass, problem, arithmetic, options.conv_tile);
}

}  // namespace

void CudaBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0) return;
    const ConvChoice choice = choose(ConvPass::forward, problem, x, options_, {&x, &w, &y, &codes});
    switch (choice.kernel) {
        case ConvKernel::tiled:
            return conv2d_forward_tiled(*this, problem, x, w, bias, y, codes);
        case ConvKernel::mma:
            return conv2d_forward_mma(*this, choice.tile, problem, x, w, bias, y, codes);
        case ConvKernel::hopper:
            return conv2d_forward_hopper(*this, reuse_of(options_.hopper), problem, x, w, bias, y, codes);
    }
}

void CudaBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                       const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (dx.count() == 0) return;
    const ConvChoice choice = choose(ConvPass::backward_data, problem, dx, options_,
                                     {&gradient.dy, &gradient.codes, &w, &relu_source, &dx});
    switch (choice.kernel) {
        case ConvKernel::tiled:
            return conv2d_backward_data_tiled(*this, problem, gradient, w, relu_source, dx);
        case ConvKernel::mma:
            return conv2d_backward_data_mma(*this, choice.tile, problem, gradient, w, relu_source, dx);
        case ConvKernel::hopper:
            return conv2d_backward_data_hopper(*this, reuse_of(options_.hopper), problem, gradient, w,
                                               relu_source, dx);
    }
}

void CudaBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                          const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0) return;
    if (gradient.dy.count() == 0) return fill(dw, 0);
    const ConvChoice choice =
        choose(ConvPass::backward_weights, problem, x, options_, {&x, &gradient.dy, &gradient.codes, &dw});
    switch (choice.kernel) {
        case ConvKernel::tiled:
            return conv2d_backward_weights_tiled(*this, problem, x, gradient, dw);
        case ConvKernel::mma:
            return conv2d_backward_weights_mma(*this, choice.tile, problem, x, gradient, dw);
        case ConvKernel::hopper:
            return conv2d_backward_weights_hopper(*this, problem, x, gradient, dw);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
