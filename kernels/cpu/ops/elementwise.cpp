// y = a + b and y = a * b, element by element; y may be a or b.
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

OBJLOC_SIMD void sums(int64_t count, const float* a, const float* b, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

OBJLOC_SIMD void products(int64_t count, const float* a, const float* b, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
}

}  // namespace

void CpuBackend::add(const Tensor& a, const Tensor& b, const Tensor& y) {
    cpu::parallel_for(threads_, y.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        sums(end - begin, a.data<float>() + begin, b.data<float>() + begin, y.data<float>() + begin);
    });
}

void CpuBackend::mul(const Tensor& a, const Tensor& b, const Tensor& y) {
    cpu::parallel_for(threads_, y.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        products(end - begin, a.data<float>() + begin, b.data<float>() + begin, y.data<float>() + begin);
    });
}

}  // namespace objloc
