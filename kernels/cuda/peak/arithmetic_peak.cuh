// The loops behind arithmetic_peak.h, for who times or tests them.
#pragma once

#include "objloc/engine/precision.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Which units multiply: of each thread, of each warp by mma.sync, of each warpgroup by wgmma (sm_90a).
enum class ArithmeticUnit { fma, mma, wgmma };

constexpr int kArithmeticThreads = 256;  // of a block

/// Queues `blocks` blocks that multiply `rounds` times, and returns how many operations that are. sums
/// (blocks * 256): each thread's sum, which grows by the same number with each round. `precision`: tf32 or
/// bf16, unless the unit is fma.
double run_arithmetic(cudaStream_t stream, ArithmeticUnit unit, Precision precision, int blocks, int rounds,
                      float* sums);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
