// Mean binary cross-entropy of probabilities.
//     c = min(max(p, 1e-7), 1 - 1e-7);   loss = -(1/n) sum of t log(c) + (1 - t) log(1 - c)
//     dp = dloss / n * (c - t) / (c (1 - c)) where nothing was clipped, else 0
//
// p, t, dp of any one shape; loss, dloss (1). Terms are taken in double, as 1 - c has few digits left in f32.
// How the sum is split, and why it is deterministic: reduce.cuh.
// Reference: keras.losses.binary_crossentropy; the bounds are its f32 ones.
#include <cmath>

#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr float kLeast = 1e-7f, kMost = 1.0f - 1e-7f;

/// NaN is not clipped: it must be seen in the loss.
__device__ double clipped(float p) {
    return double{p < kLeast ? kLeast : p > kMost ? kMost : p};
}

struct CrossEntropy {
    const float *p, *t;
    __device__ double operator()(int64_t i) const {
        const double c = clipped(p[i]), target = double{t[i]};
        return -(target * log(c) + (1 - target) * log(1 - c));
    }
};

struct BceBackward {
    const float* dloss;
    double count;
    __device__ float operator()(float p, float t) const {
        if (p < kLeast || p > kMost) return 0;
        const double c = double{p};
        return static_cast<float>(double{*dloss} / count * (c - double{t}) / (c * (1 - c)));
    }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::bce_forward(const Tensor& p, const Tensor& t, const Tensor& loss) {
    reduce(*this, p.count(), CrossEntropy{p.data<float>(), t.data<float>()},
           1.0 / static_cast<double>(p.count()), loss);
}

void CudaBackend::bce_backward(const Tensor& p, const Tensor& t, const Tensor& dloss, const Tensor& dp) {
    elementwise(stream(), BceBackward{dloss.data<float>(), static_cast<double>(p.count())}, dp, p, t);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
