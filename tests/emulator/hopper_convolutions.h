// The Hopper convolutions of kernels/cuda/conv2d/hopper/conv2d_hopper.cuh for tests: host memory in, host memory out.
// Numbers are rounded to bf16 on the way in.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/engine/problem.h"

namespace objloc {

/// How the kernel is to run: which tiling (HopperTiling), how many blocks share the tiles, what is fetched
/// once for several (HopperReuse).
struct HopperRun {
    int tiling = 0, blocks = 2;
    bool tf32 = false;  // else bf16
    int reuse = 0;
};

/// Whether there is a Hopper kernel for the problem.
bool hopper_takes(const Conv2dProblem& problem);

struct HopperForward {
    std::vector<float> y;
    std::vector<uint8_t> codes;
};
/// `bias` may be empty.
HopperForward run_hopper_forward(const Conv2dProblem& problem, const HopperRun& run,
                                 const std::vector<float>& x, const std::vector<float>& w,
                                 const std::vector<float>& bias);

/// The gradient of the input. `codes` as the problem pools or not, `relu_source` may be empty.
std::vector<float> run_hopper_backward_data(const Conv2dProblem& problem, const HopperRun& run,
                                            const std::vector<float>& dy, const std::vector<uint8_t>& codes,
                                            const std::vector<float>& w,
                                            const std::vector<float>& relu_source);

std::vector<float> run_hopper_backward_weights(const Conv2dProblem& problem, const HopperRun& run,
                                               const std::vector<float>& x, const std::vector<float>& dy,
                                               const std::vector<uint8_t>& codes);

}  // namespace objloc
