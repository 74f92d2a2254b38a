// The passes around cuDNN's convolutions that are our own: what it does not do, or not in our layout. Tensors
// are f32 or bf16, computing is in f32.
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// to[j, i] = from[i, j] of a row-major (rows, columns); from bf16 to f32, too.
void transpose(cudaStream_t stream, int64_t rows, int64_t columns, const Tensor& from, const Tensor& to);

/// y = act(x + bias) over (rows, K); bias may be null, y may be x.
void add_bias(cudaStream_t stream, int64_t rows, int64_t K, bool relu, const Tensor& x, const float* bias,
              const Tensor& y);

/// y and codes of a pooling problem from the bare convolution `sums` (N, P, Q, K); bias may be null.
void bias_relu_pool(cudaStream_t stream, const Conv2dProblem& problem, const Tensor& sums, const float* bias,
                    const Tensor& y, const Tensor& codes);

/// A pooled gradient, dy and codes (N, P/2, Q/2, K), spread to full (N, P, Q, K).
void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const Tensor& dy, const Tensor& codes,
                   const Tensor& full);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
