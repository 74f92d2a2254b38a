// Binary cross-entropy of sigmoid(z), from the logits z. loss = mean of max(z, 0) - z t + log(1 + exp(-|z|)),
// which neither overflows nor cancels; dz = dloss / count * (sigmoid(z) - t). Source:
// tf.nn.sigmoid_cross_entropy_with_logits.
#include <algorithm>
#include <cmath>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/functions/activations.h"

namespace objloc {

void CpuBackend::sigmoid_bce_forward(const Tensor& z, const Tensor& t, const Tensor& loss) {
    const float *logit = z.data<float>(), *target = t.data<float>();
    const double total =
        cpu::parallel_sum(threads_, z.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
            double sum = 0;
            for (int64_t i = begin; i < end; ++i) {
                const float at = logit[i];
                sum += static_cast<double>(std::max(at, 0.f) - at * target[i] +
                                           std::log1p(std::exp(-std::abs(at))));
            }
            return sum;
        });
    *loss.data<float>() = static_cast<float>(total / static_cast<double>(z.count()));
}

void CpuBackend::sigmoid_bce_backward(const Tensor& z, const Tensor& t, const Tensor& dloss,
                                      const Tensor& dz) {
    const float *logit = z.data<float>(), *target = t.data<float>();
    float* to = dz.data<float>();
    const float scale = *dloss.data<float>() / static_cast<float>(z.count());
    cpu::parallel_for(threads_, z.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            to[i] = scale * (functions::sigmoid{}.value(logit[i]) - target[i]);
    });
}

}  // namespace objloc
