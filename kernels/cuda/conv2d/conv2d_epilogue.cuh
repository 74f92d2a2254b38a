// What every forward kernel does with finished sums: bias, ReLU, and 2x2 max pooling, four filters at a time.
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Bias and activation of one pixel's four filters.
__device__ inline Float4 activated(Float4 value, const Float4& bias, bool relu) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        value.lane[j] += bias.lane[j];
        if (relu && value.lane[j] < 0) value.lane[j] = 0;  // NaN stays: it must reach the loss to be seen
    }
    return value;
}

/// The maximum of a window's four pixels, and which it was.
__device__ inline Float4 pooled(const Float4 (&window)[4], bool relu, Byte4& code) {
    Float4 best = window[0];
#pragma unroll
    for (int l = 0; l < 4; ++l) {
        code.lane[l] = 0;
#pragma unroll
        for (int position = 1; position < 4; ++position) {
            if (window[position].lane[l] > best.lane[l]) {
                best.lane[l] = window[position].lane[l];
                code.lane[l] = static_cast<uint8_t>(position);
            }
        }
        if (relu && best.lane[l] <= 0) code.lane[l] = kPoolClipped;
    }
    return best;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
