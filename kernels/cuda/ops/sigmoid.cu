// Sigmoid.   y = 1 / (1 + exp(-x));   dx = dy * y * (1 - y)
#include "objloc/kernels/cuda/ops/sigmoid.cuh"

#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct SigmoidForward {
    __device__ float operator()(float x) const { return logistic(x); }
};

struct SigmoidBackward {
    __device__ float operator()(float dy, float y) const { return dy * y * (1 - y); }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::sigmoid_forward(const Tensor& x, const Tensor& y) {
    elementwise(stream(), SigmoidForward{}, y, x);
}

void CudaBackend::sigmoid_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    elementwise(stream(), SigmoidBackward{}, dx, dy, y);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
