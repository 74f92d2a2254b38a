// Sum of squares.   y = sum over i of x[i]^2: the squared global norm of the gradients
//
// x of any shape, y (1), f32. How the sum is split, and why it is deterministic: reduce.cuh.
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void CudaBackend::sum_squares(const Tensor& x, const Tensor& y) {
    reduce_elements<true>(*this, x, 1.0, y);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
