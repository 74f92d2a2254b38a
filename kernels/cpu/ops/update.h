// What Adam and SGD share: clipping by the global norm, and the bf16_copy of what they wrote.
#pragma once

#include <algorithm>
#include <cmath>

#include "objloc/engine/bf16.h"
#include "objloc/engine/tensor.h"

namespace objloc::cpu {

/// What gradients are multiplied by so that their global norm is at most `clip_norm`, which clips if
/// positive.
inline float clip_scale(float clip_norm, float squared_norm) {
    return clip_norm > 0 ? std::min(1.f, clip_norm / std::sqrt(squared_norm)) : 1.f;
}

/// Values begin .. end - 1, just written and still in the cache, rounded to their bf16_copy, if there is one.
inline void round_to_bf16_copy(const Tensor& value, const Tensor& bf16_copy, int64_t begin, int64_t end) {
    if (!bf16_copy) return;
    const float* from = value.data<float>();
    uint16_t* to = bf16_copy.data<uint16_t>();
    for (int64_t i = begin; i < end; ++i) to[i] = to_bf16(from[i]);
}

}  // namespace objloc::cpu
