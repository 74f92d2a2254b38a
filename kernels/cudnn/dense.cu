// Dense layers as cuBLAS products.     y = x w + bias;   dx = dy w^T;   dw = x^T dy
//
// cuBLAS counts columns first, so it sees each of our row-major matrices transposed: (A B)^T = B^T A^T, and
// the operands change places.
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cudnn/cudnn_backend.cuh"
#include "objloc/kernels/cudnn/epilogue.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

/// One operand, row-major with `columns` columns, transposed or not.
struct Operand {
    const float* values;
    int64_t columns;
    bool transposed;
};

/// c = op(a) op(b), all row-major: c (rows, columns), summed over `depth`.
void multiply(cublasHandle_t cublas, int64_t rows, int64_t columns, int64_t depth, const Operand& a,
              const Operand& b, float* c) {
    const float one = 1, zero = 0;
    const auto op = [](const Operand& operand) { return operand.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    check_cublas(
        cublasSgemm(cublas, op(b), op(a), to_int32(columns, "columns"), to_int32(rows, "rows"),
                    to_int32(depth, "products"), &one, b.values, to_int32(b.columns, "columns"), a.values,
                    to_int32(a.columns, "columns"), &zero, c, to_int32(columns, "columns")),
        "multiplying matrices");
}

}  // namespace

void CudnnBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y) {
    if (y.count() == 0) return;
    multiply(cublas_.get(), problem.N, problem.outputs, problem.inputs,
             {x.data<float>(), problem.inputs, false}, {w.data<float>(), problem.outputs, false},
             y.data<float>());
    if (!bias) return;
    add_bias(stream(), problem.N, problem.outputs, false, y, bias.data<float>(), y);
}

void CudnnBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                       const Tensor& dx) {
    if (dx.count() == 0) return;
    multiply(cublas_.get(), problem.N, problem.inputs, problem.outputs,
             {dy.data<float>(), problem.outputs, false}, {w.data<float>(), problem.outputs, true},
             dx.data<float>());
}

void CudnnBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                          const Tensor& dw) {
    if (dw.count() == 0) return;
    multiply(cublas_.get(), problem.inputs, problem.outputs, problem.N,
             {x.data<float>(), problem.inputs, true}, {dy.data<float>(), problem.outputs, false},
             dw.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
