// The kernels for a network's first layer (kernels/cuda/conv2d/first_layer/conv2d_first_layer.cuh) for tests that say how many blocks
// share the pixels: host memory in, host memory out.
#pragma once

#include <vector>

#include "objloc/engine/precision.h"
#include "objloc/engine/problem.h"

namespace objloc {

/// y. `precision`: tf32, or bf16, for which numbers are rounded on the way in.
std::vector<float> run_first_layer_forward(const Conv2dProblem& problem, Precision precision, int blocks,
                                           const std::vector<float>& x, const std::vector<float>& w,
                                           const std::vector<float>& bias);
/// dw.
std::vector<float> run_first_layer_backward_weights(const Conv2dProblem& problem, Precision precision,
                                                    int blocks, const std::vector<float>& x,
                                                    const std::vector<float>& dy);

}  // namespace objloc
