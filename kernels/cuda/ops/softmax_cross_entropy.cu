// Cross-entropy of softmax(z) against a label, from the logits z, of each row.
//     loss = log(sum over c of exp(z[c] - max)) - (z[label] - max);   dz[c] = dloss * (softmax(z)[c] - (c == label))
// where max is the row's largest z, so that nothing overflows. A label outside of [0, C) gives NaN.
//
// z, dz (rows, C), labels (rows) i32, loss, dloss (rows), f32. A warp takes a row (rows.cuh). The backward makes the
// softmax anew: it is cheaper than to write it and to read it again.
#include "objloc/kernels/cuda/primitives/rows.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(kRowLanes* kRowsPerBlock)
    softmax_cross_entropy_forward_kernel(int64_t rows, int C, const float* z, const int* labels,
                                         float* loss) {
    const RowOfWarp at(C);
    if (at.row >= rows) return;
    const ExpSum row(at, z);
    if (at.lane != 0) return;
    const int label = labels[at.row];
    const bool known = label >= 0 && label < C;
    loss[at.row] =
        known ? static_cast<float>(log(row.sum) - double{z[at.first + label] - row.max}) : nanf("");
}

__global__ void __launch_bounds__(kRowLanes* kRowsPerBlock)
    softmax_cross_entropy_backward_kernel(int64_t rows, int C, const float* z, const int* labels,
                                          const float* dloss, float* dz) {
    const RowOfWarp at(C);
    if (at.row >= rows) return;
    const ExpSum row(at, z);
    const float sum = static_cast<float>(row.sum);
    const int label = labels[at.row];
    const float scale = label >= 0 && label < C ? dloss[at.row] : nanf("");
    for (int c = at.lane; c < C; c += kRowLanes) {
        dz[at.first + c] = scale * (expf(z[at.first + c] - row.max) / sum - (c == label ? 1.f : 0.f));
    }
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::softmax_cross_entropy_forward(const Tensor& z, const Tensor& labels, const Tensor& loss) {
    launch_rows(softmax_cross_entropy_forward_kernel, z, stream(), z.data<float>(), labels.data<int>(),
                loss.data<float>());
}

void CudaBackend::softmax_cross_entropy_backward(const Tensor& z, const Tensor& labels, const Tensor& dloss,
                                                 const Tensor& dz) {
    launch_rows(softmax_cross_entropy_backward_kernel, z, stream(), z.data<float>(), labels.data<int>(),
                dloss.data<float>(), dz.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
