// Sigmoid. y = 1 / (1 + exp(-x)); dx = dy * y * (1 - y).
#include "objloc/kernels/cpu/ops/sigmoid.h"

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {

void CpuBackend::sigmoid_forward(const Tensor& x, const Tensor& y) {
    const float* from = x.data<float>();
    float* to = y.data<float>();
    cpu::parallel_for(threads_, x.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = cpu::sigmoid(from[i]);
    });
}

void CpuBackend::sigmoid_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    const float *up = dy.data<float>(), *out = y.data<float>();
    float* to = dx.data<float>();
    cpu::parallel_for(threads_, y.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = up[i] * out[i] * (1.f - out[i]);
    });
}

}  // namespace objloc
