// Dense layers as cuBLAS products.     y = x w + bias;   dx = dy w^T;   dw = x^T dy
#include "objloc/kernels/cudnn/cudnn_backend.cuh"
#include "objloc/kernels/cudnn/epilogue.cuh"
#include "objloc/kernels/cudnn/products.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void CudnnBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                                 const Tensor& bias, const Tensor& y) {
    if (y.count() == 0) return;
    multiply(cublas_.get(), 1, problem.N, problem.outputs, problem.inputs,
             {x.data<float>(), problem.inputs, false}, {w.data<float>(), problem.outputs, false},
             y.data<float>());
    if (!bias) return;
    add_bias(stream(), problem.N, problem.outputs, false, y, bias.data<float>(), y);
}

void CudnnBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                       const Tensor& dx) {
    if (dx.count() == 0) return;
    multiply(cublas_.get(), 1, problem.N, problem.inputs, problem.outputs,
             {dy.data<float>(), problem.outputs, false}, {w.data<float>(), problem.outputs, true},
             dx.data<float>());
}

void CudnnBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                          const Tensor& dw) {
    if (dw.count() == 0) return;
    multiply(cublas_.get(), 1, problem.inputs, problem.outputs, problem.N,
             {x.data<float>(), problem.inputs, true}, {dy.data<float>(), problem.outputs, false},
             dw.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
