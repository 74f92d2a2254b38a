// to[n, to_column + j] = from[n, from_column + j]: a block of columns of one matrix into another. One thread
// moves one element; neighbours move neighbours, so rows are read and written whole.
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    copy_columns_kernel(int64_t count, int64_t columns, const float* from, int64_t from_columns, float* to,
                        int64_t to_columns) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= count) return;
    const int64_t n = i / columns, j = i % columns;
    to[n * to_columns + j] = from[n * from_columns + j];
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                               int64_t columns) {
    const int64_t N = from.shape()[0], count = N * columns;
    if (count == 0) return;
    launch(copy_columns_kernel, blocks_for(count, kThreads), dim3(kThreads), 0, stream(), count, columns,
           from.data<float>() + from_column, from.count() / N, to.data<float>() + to_column, to.count() / N);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
