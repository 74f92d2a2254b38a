// Softmax over the last axis.   y[c] = exp(x[c] - max) / sum over c of exp(x[c] - max), max the row's largest x
//                               dx[c] = y[c] * (dy[c] - sum over c of dy[c] * y[c])
//
// x, y, dx, dy (rows, C), f32. A warp takes a row (rows.cuh); it reads it from memory once and from the caches after
// that. Sums are taken in double.
#include "objloc/kernels/cuda/primitives/rows.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kRowLanes* kRowsPerBlock)
    softmax_forward_kernel(int64_t rows, int C, const float* x, float* y) {
    const RowOfWarp at(C);
    if (at.row >= rows) return;
    const ExpSum row(at, x);
    const float sum = static_cast<float>(row.sum);
    for (int c = at.lane; c < C; c += kRowLanes) y[at.first + c] = expf(x[at.first + c] - row.max) / sum;
}

__global__ void __launch_bounds__(kRowLanes* kRowsPerBlock)
    softmax_backward_kernel(int64_t rows, int C, const float* dy, const float* y, float* dx) {
    const RowOfWarp at(C);
    if (at.row >= rows) return;
    double sum = 0;
    for (int c = at.lane; c < C; c += kRowLanes) sum += double{dy[at.first + c]} * double{y[at.first + c]};
    const float mean = static_cast<float>(warp_sum(sum));
    for (int c = at.lane; c < C; c += kRowLanes) {
        dx[at.first + c] = y[at.first + c] * (dy[at.first + c] - mean);
    }
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::softmax_forward(const Tensor& x, const Tensor& y) {
    launch_rows(softmax_forward_kernel, x, stream(), x.data<float>(), y.data<float>());
}

void CudaBackend::softmax_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    launch_rows(softmax_backward_kernel, dx, stream(), dy.data<float>(), y.data<float>(), dx.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
