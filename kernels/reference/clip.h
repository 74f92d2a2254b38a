// What gradients are scaled by before an update.   scale = min(1, clip / norm), 1 when clip <= 0
#pragma once

#include <algorithm>
#include <cmath>

namespace objloc::reference {

inline double clip_scale(double clip, double squared_norm) {
    return clip > 0 && squared_norm > 0 ? std::min(1.0, clip / std::sqrt(squared_norm)) : 1;
}

}  // namespace objloc::reference
