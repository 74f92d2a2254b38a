// ReLU. y = max(0, x), and NaN stays NaN, so that a diverged run is seen. dx = dy where y > 0, else 0.
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

OBJLOC_SIMD void forward(int64_t count, const float* x, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = x[i] <= 0 ? 0 : x[i];
}

OBJLOC_SIMD void backward(int64_t count, const float* dy, const float* y, float* dx) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0 ? dy[i] : 0;
}

}  // namespace

void CpuBackend::relu_forward(const Tensor& x, const Tensor& y) {
    cpu::parallel_for(threads_, x.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        forward(end - begin, x.data<float>() + begin, y.data<float>() + begin);
    });
}

void CpuBackend::relu_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    cpu::parallel_for(threads_, y.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        backward(end - begin, dy.data<float>() + begin, y.data<float>() + begin, dx.data<float>() + begin);
    });
}

}  // namespace objloc
