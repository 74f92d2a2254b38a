// ReLU.   y = max(0, x);   dx = dy where y > 0, else 0
#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct ReluForward {
    __device__ float operator()(float x) const { return x < 0 ? 0 : x; }  // NaN stays: it must be seen
};

struct ReluBackward {
    __device__ float operator()(float dy, float y) const { return y > 0 ? dy : 0; }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::relu_forward(const Tensor& x, const Tensor& y) {
    elementwise(stream(), ReluForward{}, y, x);
}

void CudaBackend::relu_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    elementwise(stream(), ReluBackward{}, dx, dy, y);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
