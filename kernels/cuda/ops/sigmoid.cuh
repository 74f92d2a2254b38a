// The logistic function, for the kernels that need it.
#pragma once

#include <cmath>

#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// 1 / (1 + exp(-x)). exp of a large -x overflows to infinity, which gives the right 0.
__device__ inline float logistic(float x) {
    return 1 / (1 + expf(-x));
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
