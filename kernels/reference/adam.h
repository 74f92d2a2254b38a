// Adam with decoupled weight decay, in keras.optimizers.Adam's form; for each element of each segment:
//   g = scale * gradient                        (scale: clip.h)
//   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
//   value = value - rate_multiplier * rate * weight_decay * value
//                 - rate_multiplier * corrected_rate * m / (sqrt(v) + epsilon)
// Elements of no segment stay as they are, and so does everything when the norm is not finite.
#pragma once

#include <cmath>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/reference/array.h"
#include "objloc/kernels/reference/clip.h"

namespace objloc::reference {

inline void adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                        const Array& control, double squared_norm, const Array& gradient, Array& m, Array& v,
                        Array& value) {
    if (!std::isfinite(squared_norm)) return;
    const double scale = clip_scale(control[StepControl::kClipNorm], squared_norm);
    const double beta1 = settings.beta1, beta2 = settings.beta2;
    for (const OptimizerSegment& segment : segments) {
        const double rate = control[StepControl::kRate] * segment.rate_multiplier;
        const double corrected = control[StepControl::kCorrectedRate] * segment.rate_multiplier;
        for (int64_t i = segment.begin; i < segment.end; ++i) {
            const double g = scale * gradient[i];
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            const double decay = rate * segment.weight_decay * value[i];
            value[i] -= decay + corrected * m[i] / (std::sqrt(v[i]) + settings.epsilon);
        }
    }
}

}  // namespace objloc::reference
