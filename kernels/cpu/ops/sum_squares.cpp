// Sum of squares, which a gradient's norm needs. Chunks are summed in double and added in order, so the bits do not
// depend on the number of threads.
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

OBJLOC_SIMD double squares(int64_t count, const float* x) {
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return total;
}

}  // namespace

void CpuBackend::sum_squares(const Tensor& x, const Tensor& y) {
    const double total = cpu::parallel_sum(
        threads_, x.count(), cpu::kElementGrain,
        [&](int64_t begin, int64_t end) { return squares(end - begin, x.data<float>() + begin); });
    *y.data<float>() = static_cast<float>(total);
}

}  // namespace objloc
