// What the drivers of the Winograd passes tell each other.
#pragma once

#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

namespace objloc::winograd {

/// Of the instruction set that Highway chose.
SimdShape best_simd_shape();

/// Scratch of one pass. `channels` are those of the image it reads.
size_t forward_scratch_floats(int64_t channels, int threads);
size_t gradient_scratch_floats(const Conv2dProblem& problem, int threads);

}  // namespace objloc::winograd
