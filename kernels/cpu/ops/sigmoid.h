// The logistic function, in the form that overflows for no x.
#pragma once

#include <cmath>

namespace objloc::cpu {

/// 1 / (1 + exp(-x)): exp is only taken of numbers that are not positive.
inline float sigmoid(float x) {
    const float e = std::exp(-std::abs(x));
    return (x >= 0 ? 1.f : e) / (1.f + e);
}

}  // namespace objloc::cpu
