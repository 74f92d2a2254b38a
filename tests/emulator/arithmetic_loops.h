// The loops of kernels/cuda/peak/arithmetic_peak.cuh for tests.
#pragma once

#include <vector>

#include "objloc/engine/precision.h"

namespace objloc {

struct ArithmeticLoop {
    double operations;
    std::vector<float> sums;  // of each thread
};

/// `unit`: fma, mma or wgmma, by number.
ArithmeticLoop run_arithmetic_loop(int unit, Precision precision, int blocks, int rounds);

}  // namespace objloc
