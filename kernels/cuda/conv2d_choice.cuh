// Which kernel runs which convolution: one table, in conv2d_choice.cu.
#pragma once

#include "engine/problem.h"
#include "engine/registry.h"
#include "kernels/cuda/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

enum class ConvPass { forward, backward_data, backward_weights };

/// The implementations, in the order in which they came to be.
enum class ConvKernel {
    tiled,   // fp32 products, any sizes
    mma,     // tensor cores by mma.sync: tf32 or bf16, sizes that `mma_applies` to
    hopper,  // tensor cores by wgmma, on Hopper alone and only when asked for
};

struct ConvChoice {
    ConvKernel kernel = ConvKernel::tiled;
    ConvTile tile = ConvTile::wide;  // of ConvKernel::mma
};

/// Whether the tensor-core kernels can do it: C and K are multiples of 8, so that 16 bytes of channels never
/// cross from one tap to the next. Tensors must be aligned to 16 bytes, too, which is the caller's to check.
bool mma_applies(const Conv2dProblem& problem);

/// `arithmetic`: what products are taken in. `tile`: the one to take on tensor cores, or `automatic`.
ConvChoice choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, ConvTile tile);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
