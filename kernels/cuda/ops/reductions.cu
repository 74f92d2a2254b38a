// Mean.             y = (1/n) sum over i of x[i];   dx[i] = dy / n
// Sum of squares.   y = sum over i of x[i]^2: the squared global norm of the gradients
//
// x, dx of any shape; y, dy (1), f32. A sum reads each byte of x once, four elements a term in one access of
// 16 bytes, and four terms are on their way at a time; where x is not aligned they are read one by one. How
// the sums are split, and why they are deterministic: reduce.cuh.
#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// The sum of kLanes elements of x, or of their squares.
template <bool kSquared, int kLanes>
struct Terms {
    const float* x;

    __device__ double operator()(int64_t i) const {
        const auto pack = load_pack<kLanes>(x + i * kLanes, kLanes, true);
        double sum = 0;
#pragma unroll
        for (int j = 0; j < kLanes; ++j) {
            const double value = pack.lane[j];
            sum += kSquared ? value * value : value;
        }
        return sum;
    }
};

struct MeanBackward {
    const float* dy;
    float count;
    __device__ float operator()() const { return *dy / count; }
};

template <bool kSquared>
void sum_of(CudaBackend& backend, const Tensor& x, double scale, const Tensor& y) {
    const float* from = x.data<float>();
    if (moves_by_four(from, x.count())) {
        reduce(backend, x.count() / 4, Terms<kSquared, 4>{from}, scale, y);
    } else {
        reduce(backend, x.count(), Terms<kSquared, 1>{from}, scale, y);
    }
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::mean_forward(const Tensor& x, const Tensor& y) {
    sum_of<false>(*this, x, 1.0 / static_cast<double>(x.count()), y);
}

void CudaBackend::mean_backward(const Tensor& dy, const Tensor& dx) {
    elementwise(stream(), MeanBackward{dy.data<float>(), static_cast<float>(dx.count())}, dx);
}

void CudaBackend::sum_squares(const Tensor& x, const Tensor& y) {
    sum_of<true>(*this, x, 1.0, y);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
