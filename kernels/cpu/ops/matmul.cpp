// Matrix products of a batch. y = op(a) op(b); a (M, K) or (K, M), b (K, N) or (N, K), y (M, N), row-major.
#include "objloc/kernels/cpu/ops/product.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {

void CpuBackend::matmul(const MatmulProblem& problem, const Tensor& a, const Tensor& b, const Tensor& y) {
    if (y.count() == 0) return;
    cpu::multiply(threads_,
                  {problem.batch, problem.M, problem.N, problem.K, a.data<float>(), problem.transpose_a,
                   b.data<float>(), problem.transpose_b, 0.f, y.data<float>()});
}

}  // namespace objloc
