// The second half of every deterministic split: partial results in partials, added in a fixed order.
#pragma once

#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// to[i] = sum over s of partials[s][i]; partials (partial_count, count), to (count).
void reduce_partials(cudaStream_t stream, int64_t partial_count, int64_t count, const float* partials,
                     float* to);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
