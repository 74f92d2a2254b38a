// Mean of 1 - GIoU of predicted and true boxes; the formula and its gradient are in kernels/localizer/giou.h.
//
// predicted, truth, dpredicted (N, 3): (x, y, size) or (N, 4): (x, y, width, height); loss, dloss (1). One
// thread a box. How the sum is split, and why it is deterministic: reduce.cuh. Reference: Rezatofighi et al.,
// "Generalized intersection over union", CVPR 2019.
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/localizer/giou.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 128;

struct GiouLoss {
    const float *predicted, *truth;
    int64_t outputs;
    __device__ double operator()(int64_t n) const {
        return double{giou_loss_of(giou_box(predicted, n, outputs), giou_box(truth, n, outputs))};
    }
};

__global__ void __launch_bounds__(kThreads)
    giou_loss_backward_kernel(int64_t count, int64_t outputs, const float* predicted, const float* truth,
                              const float* dloss, float* dpredicted) {
    const int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (n >= count) return;
    const GiouBox d = giou_loss_gradient(giou_box(predicted, n, outputs), giou_box(truth, n, outputs));
    const float scale = *dloss / static_cast<float>(count);
    float* to = dpredicted + n * outputs;
    to[0] = scale * d.x;
    to[1] = scale * d.y;
    to[2] = scale * (outputs == 3 ? d.w + d.h : d.w);
    if (outputs == 4) to[3] = scale * d.h;
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::giou_loss_forward(const Tensor& predicted, const Tensor& truth, const Tensor& loss) {
    const int64_t N = predicted.shape()[0];
    reduce(*this, N, GiouLoss{predicted.data<float>(), truth.data<float>(), predicted.shape()[1]},
           1.0 / static_cast<double>(N), loss);
}

void CudaBackend::giou_loss_backward(const Tensor& predicted, const Tensor& truth, const Tensor& dloss,
                                     const Tensor& dpredicted) {
    const int64_t N = predicted.shape()[0];
    launch(giou_loss_backward_kernel, blocks_for(N, kThreads), dim3(kThreads), 0, stream(), N,
           predicted.shape()[1], predicted.data<float>(), truth.data<float>(), dloss.data<float>(),
           dpredicted.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
