// Matrix products of a batch by cuBLAS.     y = op(a) op(b)
#include "objloc/kernels/cudnn/cudnn_backend.cuh"
#include "objloc/kernels/cudnn/products.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void CudnnBackend::matmul(const MatmulProblem& problem, const Tensor& a, const Tensor& b, const Tensor& y) {
    if (y.count() == 0) return;
    multiply(cublas_.get(), problem.batch, problem.M, problem.N, problem.K,
             {a.data<float>(), problem.transpose_a ? problem.M : problem.K, problem.transpose_a},
             {b.data<float>(), problem.transpose_b ? problem.K : problem.N, problem.transpose_b},
             y.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
