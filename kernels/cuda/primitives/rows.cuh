// A row of a tensor (rows, C) to each warp: for ops that treat each row alone, as softmax does. Lane l takes elements
// l, l + 32, ... of it, and the lanes' results are merged as a fixed tree: the same bits on every run.
#pragma once

#include <cmath>

#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kRowLanes = 32, kRowsPerBlock = 8;

/// A warp's row. All of its lanes have the same, so that none leaves the others before they merge.
struct RowOfWarp {
    int64_t row, first;  // first: its first element
    int C, lane;

    __device__ explicit RowOfWarp(int columns)
        : row(int64_t{blockIdx.x} * kRowsPerBlock + threadIdx.y),
          first(row * columns),
          C(columns),
          lane(static_cast<int>(threadIdx.x)) {}
};

/// The sum of the lanes' values, in all lanes.
__device__ inline double warp_sum(double value) {
    for (int mask = kRowLanes / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(0xFFFFFFFF, value, mask);
    return value;
}

__device__ inline float warp_max(float value) {
    for (int mask = kRowLanes / 2; mask > 0; mask /= 2) {
        value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFF, value, mask));
    }
    return value;
}

/// A row's largest element, and the sum of exp(x[c] - largest), in all lanes.
struct ExpSum {
    float max;
    double sum = 0;

    __device__ ExpSum(const RowOfWarp& at, const float* x) {
        max = -INFINITY;
        for (int c = at.lane; c < at.C; c += kRowLanes) max = fmaxf(max, x[at.first + c]);
        max = warp_max(max);
        for (int c = at.lane; c < at.C; c += kRowLanes) sum += double{expf(x[at.first + c] - max)};
        sum = warp_sum(sum);
    }
};

/// Queues `kernel(rows, C, args...)`, a warp to each row of x.
template <typename... Params, typename... Args>
void launch_rows(void (*kernel)(int64_t, int, Params...), const Tensor& x, cudaStream_t stream,
                 Args&&... args) {
    if (x.count() == 0) return;
    const int C = to_int32(x.shape()[x.shape().rank() - 1], "columns");
    const int64_t rows = x.count() / C;
    launch(kernel, blocks_for(rows, kRowsPerBlock), dim3(kRowLanes, kRowsPerBlock), 0, stream, rows, C,
           std::forward<Args>(args)...);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
