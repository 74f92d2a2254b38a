// Matrix products by cuBLAS, as dense layers and `matmul` need them.
#pragma once

#include "objloc/kernels/cudnn/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// One operand, row-major with `columns` columns, transposed or not.
struct Operand {
    const float* values;
    int64_t columns;
    bool transposed;
};

/// Of each of `batch` matrices, which lie one behind the other: c = op(a) op(b), all row-major: c (rows, columns),
/// summed over `depth`.
void multiply(cublasHandle_t cublas, int64_t batch, int64_t rows, int64_t columns, int64_t depth,
              const Operand& a, const Operand& b, float* c);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
