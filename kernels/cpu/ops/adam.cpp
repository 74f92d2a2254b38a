// Adam over all parameters in one pass. g = scale * gradient;
// m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v);
// value -= corrected_rate * m / (sqrt(v) + epsilon) + rate * weight_decay * value.
// corrected_rate = rate * sqrt(1 - beta2^t) / (1 - beta1^t) comes from the caller; both rates are multiplied
// by the segment's. Source: Kingma, Ba, "Adam", ICLR 2015, section 2; keras.optimizers.Adam; Loshchilov,
// Hutter, "Decoupled weight decay regularization", ICLR 2019.
#include <cmath>

#include "objloc/kernels/cpu/ops/update.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

struct Factors {
    float scale, rest1, rest2, epsilon;  // of the gradient, 1 - beta1, 1 - beta2
    float rate, decay;                   // corrected rate; share of the value that decays
};

OBJLOC_SIMD void update(int64_t count, const Factors f, const float* gradient, float* m, float* v,
                        float* value) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
        const float g = f.scale * gradient[i];
        m[i] += f.rest1 * (g - m[i]);
        v[i] += f.rest2 * (g * g - v[i]);
        value[i] -= f.rate * m[i] / (std::sqrt(v[i]) + f.epsilon) + f.decay * value[i];
    }
}

}  // namespace

void CpuBackend::adam_update(const AdamSettings& settings, const std::vector<OptimizerSegment>& segments,
                             const Tensor& control, const Tensor& squared_norm, const Tensor& gradient,
                             const Tensor& m, const Tensor& v, const Tensor& value, const Tensor& bf16_copy) {
    const float* step = control.data<float>();
    const float norm2 = *squared_norm.data<float>();
    if (!std::isfinite(norm2)) return;
    for (const OptimizerSegment& segment : segments) {
        const Factors factors = {cpu::clip_scale(step[StepControl::kClipNorm], norm2),
                                 1 - settings.beta1,
                                 1 - settings.beta2,
                                 settings.epsilon,
                                 step[StepControl::kCorrectedRate] * segment.rate_multiplier,
                                 step[StepControl::kRate] * segment.rate_multiplier * segment.weight_decay};
        cpu::parallel_for(threads_, segment.end - segment.begin, cpu::kElementGrain,
                          [&](int64_t begin, int64_t end) {
                              const int64_t at = segment.begin + begin;
                              update(end - begin, factors, gradient.data<float>() + at, m.data<float>() + at,
                                     v.data<float>() + at, value.data<float>() + at);
                              cpu::round_to_bf16_copy(value, bf16_copy, at, segment.begin + end);
                          });
    }
    value.storage().bump_version();
    if (bf16_copy) bf16_copy.storage().bump_version();
}

}  // namespace objloc
