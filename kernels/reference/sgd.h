// SGD with momentum and decoupled weight decay, in keras.optimizers.SGD's form; for each element of each
// segment:
//   g = scale * gradient                        (scale: clip.h);   rate and decay those of the segment
//   velocity = momentum * velocity - rate * g
//   value = value - rate * weight_decay * value + (nesterov ? momentum * velocity - rate * g : velocity)
// Elements of no segment stay as they are, and so does everything when the norm is not finite.
#pragma once

#include <cmath>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/reference/array.h"
#include "objloc/kernels/reference/clip.h"

namespace objloc::reference {

inline void sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                       const Array& control, double squared_norm, const Array& gradient, Array& velocity,
                       Array& value) {
    if (!std::isfinite(squared_norm)) return;
    const double scale = clip_scale(control[StepControl::kClipNorm], squared_norm);
    const double momentum = settings.momentum;
    for (const OptimizerSegment& segment : segments) {
        const double rate = control[StepControl::kRate] * segment.rate_multiplier;
        for (int64_t i = segment.begin; i < segment.end; ++i) {
            const double g = scale * gradient[i];
            velocity[i] = momentum * velocity[i] - rate * g;
            const double step = settings.nesterov ? momentum * velocity[i] - rate * g : velocity[i];
            value[i] += step - rate * segment.weight_decay * value[i];
        }
    }
}

}  // namespace objloc::reference
