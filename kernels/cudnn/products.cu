// cuBLAS counts columns first, so it sees each of our row-major matrices transposed: (A B)^T = B^T A^T, and the
// operands change places.
#include "objloc/kernels/cudnn/products.cuh"

#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void multiply(cublasHandle_t cublas, int64_t batch, int64_t rows, int64_t columns, int64_t depth,
              const Operand& a, const Operand& b, float* c) {
    const float one = 1, zero = 0;
    const auto op = [](const Operand& operand) { return operand.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const int m = to_int32(columns, "columns"), n = to_int32(rows, "rows"), k = to_int32(depth, "products");
    const int stride_a = to_int32(a.columns, "columns"), stride_b = to_int32(b.columns, "columns");
    check_cublas(batch == 1
                     ? cublasSgemm(cublas, op(b), op(a), m, n, k, &one, b.values, stride_b, a.values,
                                   stride_a, &zero, c, m)
                     : cublasSgemmStridedBatched(cublas, op(b), op(a), m, n, k, &one, b.values, stride_b,
                                                 depth * columns, a.values, stride_a, rows * depth, &zero, c,
                                                 m, rows * columns, to_int32(batch, "matrices")),
                 "multiplying matrices");
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
