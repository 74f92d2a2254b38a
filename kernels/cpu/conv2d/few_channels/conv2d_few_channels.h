// The weight gradient of a convolution of few channels: the first layer's. Libraries block channels by 8 or
// 16 and waste most of each block on 3 of them. Here a window is R rows of S * C consecutive floats, as NHWC
// has them; weights in HWIO order are the matrix (R * S * C, K) as they lie, and the K filters are the
// vector.
#pragma once

#include <cstddef>

#include "objloc/engine/problem.h"

namespace objloc::cpu {

/// Whether the function below takes this problem: at most 4 channels, filters in multiples of 16, no pooling.
/// Any kernel, stride and padding.
bool few_channels_applies(const Conv2dProblem& problem);

/// Floats of `scratch` below, of any alignment and value.
size_t few_channels_scratch_floats(const Conv2dProblem& problem, int threads);

/// x (N,H,W,C), dy (N,P,Q,K) -> dw (R,S,C,K). The same bits for any number of threads.
void few_channels_backward_weights(const Conv2dProblem& problem, const float* x, const float* dy, float* dw,
                                   float* scratch, int threads);

}  // namespace objloc::cpu
