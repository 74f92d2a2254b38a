// Mean binary cross-entropy of sigmoid(z), from the logits, exact for any z.
//     loss = (1/n) sum of max(z, 0) - z t + log(1 + exp(-|z|));   dz = dloss / n * (sigmoid(z) - t)
//
// z, t, dz of any one shape; loss, dloss (1). How the sum is split, and why it is deterministic: reduce.cuh.
// Reference: tf.nn.sigmoid_cross_entropy_with_logits.
#include <cmath>

#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/functions/activations.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct LogitCrossEntropy {
    const float *z, *t;
    __device__ double operator()(int64_t i) const {
        const double logit = double{z[i]}, target = double{t[i]};
        const double positive = logit < 0 ? 0 : logit;  // keeps NaN
        return positive - logit * target + log1p(exp(-fabs(logit)));
    }
};

struct SigmoidBceBackward {
    const float* dloss;
    float count;
    __device__ float operator()(float z, float t) const {
        return *dloss / count * (functions::sigmoid{}.value(z) - t);
    }
};

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::sigmoid_bce_forward(const Tensor& z, const Tensor& t, const Tensor& loss) {
    reduce(*this, z.count(), LogitCrossEntropy{z.data<float>(), t.data<float>()},
           1.0 / static_cast<double>(z.count()), loss);
}

void CudaBackend::sigmoid_bce_backward(const Tensor& z, const Tensor& t, const Tensor& dloss,
                                       const Tensor& dz) {
    elementwise(stream(), SigmoidBceBackward{dloss.data<float>(), static_cast<float>(z.count())}, dz, z, t);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
