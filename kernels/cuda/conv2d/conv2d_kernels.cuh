// The implementations of convolution, one function a pass. Arguments are those of the backend's ops
// (engine/backend.h); conv2d.cu checks what is empty and conv2d_choice.h says which one runs when.
#pragma once

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

class CudaBackend;

// ---- Products in fp32, of any sizes; x, w, y and their gradients f32 or bf16 -----------------------------
void conv2d_forward_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                          const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
void conv2d_backward_data_tiled(CudaBackend& backend, const Conv2dProblem& problem,
                                const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                const Tensor& dx);
void conv2d_backward_weights_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                   const Conv2dGradient& gradient, const Tensor& dw);

// ---- Tensor cores by mma.sync, on any GPU that this build has kernels for --------------------------------
// f32 tensors are rounded to tf32, bf16 tensors taken as they are; sums in fp32. `kernel`: one of
// mma_wide, mma_tall, mma_small. For problems that it applies to, and tensors aligned to 16 bytes.
void conv2d_forward_mma(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem, const Tensor& x,
                        const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
void conv2d_backward_data_mma(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                              const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                              const Tensor& dx);
void conv2d_backward_weights_mma(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                                 const Tensor& x, const Conv2dGradient& gradient, const Tensor& dw);

// ---- A network's first layer, of few channels, on tensor cores by mma.sync -------------------------------
// Types and rounding as above, no pooling. For problems that CudaConv::first_layer applies to.

/// Blocks that share the pixels, at most: two for each multiprocessor of an H200. A constant, so that sums do
/// not depend on the GPU; tests take fewer.
constexpr int kFirstLayerBlocks = 264;

void conv2d_forward_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                const Tensor& w, const Tensor& bias, const Tensor& y,
                                int most_blocks = kFirstLayerBlocks);
void conv2d_backward_weights_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw,
                                         int most_blocks = kFirstLayerBlocks);

// ---- Hopper's wgmma: f32 tensors in tf32, bf16 tensors as they are.
// `kernel`: hopper, hopper_shared_taps or hopper_clusters.
void conv2d_forward_hopper(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                           const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                           const Tensor& codes);
void conv2d_backward_data_hopper(CudaBackend& backend, CudaConv kernel, const Conv2dProblem& problem,
                                 const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                 const Tensor& dx);
void conv2d_backward_weights_hopper(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                    const Conv2dGradient& gradient, const Tensor& dw);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
