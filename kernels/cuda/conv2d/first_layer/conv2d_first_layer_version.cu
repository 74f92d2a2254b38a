// The descriptor of `first_layer`.
#include "objloc/kernels/cuda/conv2d/first_layer/conv2d_first_layer.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// The kernels' depth of 32 holds all values under a filter, and shared memory the rows under one of up to 5.
/// Filters are written 16 bytes at a time. The first layer's input is not learned, so there is no data gradient; and
/// no model here pools its first layer.
bool applies(ConvPass pass, const Conv2dProblem& g, Precision arithmetic) {
    return arithmetic != Precision::fp32 && pass != ConvPass::backward_data && g.C <= 4 &&
           g.R * g.S * g.C <= kFirstTaps && g.R <= 5 && g.K % 8 == 0 && g.stride_h == 1 && g.stride_w == 1 &&
           !g.pool;
}

void forward(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
             const Tensor& bias, const Tensor& y, const Tensor&) {
    conv2d_forward_first_layer(backend, problem, x, w, bias, y);
}

void backward_weights(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                      const Conv2dGradient& gradient, const Tensor& dw) {
    conv2d_backward_weights_first_layer(backend, problem, x, gradient, dw);
}

}  // namespace

const Conv2dKernel conv2d_kernels::first_layer = {
    {.name = "first_layer",
     .family = "first_layer",
     .needs = {.alignment = true},
     .applies = applies,
     .preference = [](ConvPass, const Conv2dProblem&) { return 1; }},
    forward,
    nullptr,
    backward_weights,
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
