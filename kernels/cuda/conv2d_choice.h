// Which kernel runs which convolution on the CUDA backend. Plain functions of sizes and device: kernel_bench
// and tests ask them, too, where there is no GPU.
#pragma once

#include "engine/problem.h"
#include "engine/registry.h"

namespace objloc {

enum class ConvPass { forward, backward_data, backward_weights };

/// Whether the kernels for Hopper can do a problem: stride 1, channels and filters in multiples of 64.
bool hopper_conv2d_applies(const Conv2dProblem& problem);

/// Whether there is code for this pass of this problem. `arithmetic`: what products are taken in. Tensors
/// must be aligned to 16 bytes for any but `tiled`, which is the caller's to check.
bool cuda_conv_applies(CudaConv kernel, ConvPass pass, const Conv2dProblem& problem, Precision arithmetic);

/// Whether it is one of those that need Hopper.
bool needs_hopper(CudaConv kernel);

/// The kernel to run, one of cuda_conv_kernels(). `asked`: the one to take wherever it applies.
CudaConv choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, CudaConv asked);

}  // namespace objloc
