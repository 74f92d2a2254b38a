// Mean.             y = (1/n) sum over i of x[i];   dx[i] = dy / n
// Sum of squares.   y = sum over i of x[i]^2: the squared global norm of the gradients
//
// x, dx of any shape; y, dy (1). How the sums are split, and why they are deterministic: reduce.cuh.
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/reduce.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct Value {
    const float* x;
    __device__ double operator()(int64_t i) const { return double{x[i]}; }
};

struct Square {
    const float* x;
    __device__ double operator()(int64_t i) const { return double{x[i]} * double{x[i]}; }
};

struct MeanBackward {
    const float* dy;
    float count;
    __device__ float operator()() const { return *dy / count; }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::mean_forward(const Tensor& x, const Tensor& y) {
    reduce(*this, x.count(), Value{x.data<float>()}, 1.0 / static_cast<double>(x.count()), y);
}

void CudaBackend::mean_backward(const Tensor& dy, const Tensor& dx) {
    elementwise(stream(), MeanBackward{dy.data<float>(), static_cast<float>(dx.count())}, dx);
}

void CudaBackend::sum_squares(const Tensor& x, const Tensor& y) {
    reduce(*this, x.count(), Square{x.data<float>()}, 1.0, y);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
