// The version `tiled`: products in fp32, of any sizes; x, w, y and their gradients f32 or bf16, of any alignment.
#pragma once

#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void conv2d_forward_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                          const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
void conv2d_backward_data_tiled(CudaBackend& backend, const Conv2dProblem& problem,
                                const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                const Tensor& dx);
void conv2d_backward_weights_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                   const Conv2dGradient& gradient, const Tensor& dw);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
