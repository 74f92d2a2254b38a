// 3x3 convolution at stride 1 by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications where the
// direct sum needs 144. Images stay NHWC; only the weights are kept in a form of their own, made by the two
// transforms below once per update (or once for ever when frozen).
//
// With tiles of 6x6 inputs d, 4x4 outputs y and 3x3 filters g, for each tile, channel c and filter k
//   y  = A^T [ sum over c of (G g G^T) * (B^T d B) ] A           forward; also dx, with g flipped and
//   transposed dg = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G      weights
// so that each of the 36 components is one matrix product. All sums run in an order that depends on the
// problem alone: results are bitwise the same for any number of threads.
//
// Sources: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4;
// Winograd, "Arithmetic Complexity of Computations", SIAM 1980.
#pragma once

#include <cstddef>
#include <cstdint>

#include "objloc/engine/problem.h"

namespace objloc {

enum class WinogradPass { forward, backward_data, backward_weights };

/// Whether the functions below take this problem: 3x3, stride 1, padding 0..2 on every side, and channels
/// enough (8 in, 8 out) for the matrix products to pay for the transforms.
bool winograd_applies(const Conv2dProblem& problem);

/// Floats of the transformed weights, for `pass` forward or backward_data.
size_t winograd_weight_floats(const Conv2dProblem& problem, WinogradPass pass);
/// w (3, 3, C, K) -> `transformed`, which `winograd_forward` reads.
void winograd_transform_weights_forward(const Conv2dProblem& problem, const float* w, float* transformed,
                                        int threads);
/// w (3, 3, C, K) -> `transformed`, which `winograd_backward_data` reads: flipped, C and K exchanged.
void winograd_transform_weights_backward(const Conv2dProblem& problem, const float* w, float* transformed,
                                         int threads);

/// Bytes of `scratch` below. It must be aligned to 64 bytes and needs no initial value.
size_t winograd_scratch_bytes(const Conv2dProblem& problem, WinogradPass pass, int threads);

/// x (N,H,W,C), bias (K) or null -> y (N, out_rows, out_columns, K); `codes` (y's shape) when the problem
/// pools.
void winograd_forward(const Conv2dProblem& problem, const float* x, const float* transformed,
                      const float* bias, float* y, uint8_t* codes, void* scratch, int threads);

/// dy (N, out_rows, out_columns, K), with `codes` when the problem pools -> dx (N,H,W,C), zero where
/// relu_source (dx's shape, or null) is not positive.
void winograd_backward_data(const Conv2dProblem& problem, const float* dy, const uint8_t* codes,
                            const float* transformed, const float* relu_source, float* dx, void* scratch,
                            int threads);

/// x (N,H,W,C), dy as above -> dw (3, 3, C, K).
void winograd_backward_weights(const Conv2dProblem& problem, const float* x, const float* dy,
                               const uint8_t* codes, float* dw, void* scratch, int threads);

}  // namespace objloc
