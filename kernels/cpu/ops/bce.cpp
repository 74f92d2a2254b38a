// Binary cross-entropy of probabilities. loss = mean of -t log(p) - (1 - t) log(1 - p), p clipped to
// [1e-7, 1 - 1e-7]. dp = dloss / count * (p - t) / (p (1 - p)), and 0 where p was clipped.
// Source: keras.losses.binary_crossentropy, keras.backend.epsilon.
#include <algorithm>
#include <cmath>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {
namespace {

constexpr float kLeast = 1e-7f, kMost = 1.f - 1e-7f;

}  // namespace

void CpuBackend::bce_forward(const Tensor& p, const Tensor& t, const Tensor& loss) {
    const float *probability = p.data<float>(), *target = t.data<float>();
    const double total =
        cpu::parallel_sum(threads_, p.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
            double sum = 0;
            for (int64_t i = begin; i < end; ++i) {
                const float clipped = std::clamp(probability[i], kLeast, kMost);
                sum -= static_cast<double>(target[i] * std::log(clipped) +
                                           (1.f - target[i]) * std::log(1.f - clipped));
            }
            return sum;
        });
    *loss.data<float>() = static_cast<float>(total / static_cast<double>(p.count()));
}

void CpuBackend::bce_backward(const Tensor& p, const Tensor& t, const Tensor& dloss, const Tensor& dp) {
    const float *probability = p.data<float>(), *target = t.data<float>();
    float* to = dp.data<float>();
    const float scale = *dloss.data<float>() / static_cast<float>(p.count());
    cpu::parallel_for(threads_, p.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float at = probability[i];
            const bool clipped = at < kLeast || at > kMost;
            to[i] = clipped ? 0.f : scale * (at - target[i]) / (at * (1.f - at));
        }
    });
}

}  // namespace objloc
