// The passes around a convolution that oneDNN cannot fuse: pooling that remembers where each maximum was, its
// reverse, and ReLU's mask on a gradient.
#pragma once

#include <cstdint>

#include "objloc/engine/problem.h"

namespace objloc::cpu {

/// `x` (N, P, Q, K) to its 2x2 maxima `y` and their `codes` (N, P/2, Q/2, K), as engine/problem.h defines
/// them.
void pool_with_codes(int threads, const Conv2dProblem& problem, const float* x, float* y, uint8_t* codes);

/// dx (N, P, Q, K): each element of `dy` (N, P/2, Q/2, K) at the place that its code names, zero elsewhere.
void unpool(int threads, const Conv2dProblem& problem, const float* dy, const uint8_t* codes, float* dx);

/// dx[i] becomes 0 where y[i] <= 0.
void relu_mask(int threads, int64_t count, const float* y, float* dx);

}  // namespace objloc::cpu
