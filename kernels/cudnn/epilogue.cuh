// The passes around cuDNN's convolutions that are our own: what it does not do, or not in our layout.
#pragma once

#include "engine/problem.h"
#include "engine/tensor.h"
#include "kernels/cuda/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// to[j, i] = from[i, j] of a row-major (rows, columns).
void transpose(cudaStream_t stream, int64_t rows, int64_t columns, const float* from, float* to);

/// y = act(x + bias) over (rows, K); bias may be null, y may be x.
void add_bias(cudaStream_t stream, int64_t rows, int64_t K, bool relu, const float* x, const float* bias,
              float* y);

/// y and codes of a pooling problem from the bare convolution `sums` (N, P, Q, K); bias may be null.
void bias_relu_pool(cudaStream_t stream, const Conv2dProblem& problem, const float* sums, const float* bias,
                    float* y, uint8_t* codes);

/// A pooled gradient, dy and codes (N, P/2, Q/2, K), spread to full (N, P, Q, K).
void spread_gradient(cudaStream_t stream, const Conv2dProblem& problem, const float* dy, const uint8_t* codes,
                     float* full);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
