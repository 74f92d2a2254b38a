// SGD with momentum over all parameters in one pass. g = scale * gradient;
// velocity = momentum * velocity - rate * g; value += velocity, or with Nesterov
// value += momentum * velocity - rate * g; and value -= rate * weight_decay * value, of the value before.
// The rate is multiplied by the segment's. Source: keras.optimizers.SGD.
#include <cmath>

#include "objloc/kernels/cpu/ops/update.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

struct Factors {
    float rate;   // times the gradient's scale
    float decay;  // share of the value that decays
    float momentum;
    bool nesterov;
};

OBJLOC_SIMD void update(int64_t count, const Factors f, const float* gradient, float* velocity,
                        float* value) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
        const float step = f.rate * gradient[i];
        velocity[i] = f.momentum * velocity[i] - step;
        const float change = f.nesterov ? f.momentum * velocity[i] - step : velocity[i];
        value[i] += change - f.decay * value[i];
    }
}

}  // namespace

void CpuBackend::sgd_update(const SgdSettings& settings, const std::vector<OptimizerSegment>& segments,
                            const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                            const Tensor& velocity, const Tensor& value, const Tensor& bf16_copy) {
    const float* step = control.data<float>();
    const float norm2 = *squared_norm.data<float>();
    if (!std::isfinite(norm2)) return;
    for (const OptimizerSegment& segment : segments) {
        const float rate = step[StepControl::kRate] * segment.rate_multiplier;
        const Factors factors = {rate * cpu::clip_scale(step[StepControl::kClipNorm], norm2),
                                 rate * segment.weight_decay, settings.momentum, settings.nesterov};
        cpu::parallel_for(threads_, segment.end - segment.begin, cpu::kElementGrain,
                          [&](int64_t begin, int64_t end) {
                              const int64_t at = segment.begin + begin;
                              update(end - begin, factors, gradient.data<float>() + at,
                                     velocity.data<float>() + at, value.data<float>() + at);
                              cpu::round_to_bf16_copy(value, bf16_copy, at, segment.begin + end);
                          });
    }
    value.storage().bump_version();
    if (bf16_copy) bf16_copy.storage().bump_version();
}

}  // namespace objloc
