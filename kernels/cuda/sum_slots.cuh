// The second half of every deterministic split: partial results in slots, added in a fixed order.
#pragma once

#include "kernels/cuda/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// to[i] = sum over s of slots[s][i]; slots (count_slots, count), to (count).
void sum_slots(cudaStream_t stream, int64_t count_slots, int64_t count, const float* slots, float* to);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
