// What Adam and SGD share: clipping by the global norm.
#pragma once

#include <algorithm>
#include <cmath>

namespace objloc::cpu {

/// What gradients are multiplied by so that their global norm is at most `clip_norm`, which clips if
/// positive.
inline float clip_scale(float clip_norm, float squared_norm) {
    return clip_norm > 0 ? std::min(1.f, clip_norm / std::sqrt(squared_norm)) : 1.f;
}

}  // namespace objloc::cpu
