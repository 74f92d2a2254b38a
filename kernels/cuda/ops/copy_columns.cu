// to[n, to_column + j] = from[n, from_column + j]: a block of columns of one matrix into another, f32.
//
// Each element is read once and written once. A block moves a run of one row, four elements a thread in
// accesses of 16 bytes where every row's part is aligned, else one: neighbours move neighbours, and nothing
// is divided.
#include <type_traits>

#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

/// Block (n, run) of row n.
template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    copy_columns_kernel(int64_t columns, const float* from, int64_t from_columns, float* to,
                        int64_t to_columns) {
    const int64_t n = blockIdx.x, j = (int64_t{blockIdx.y} * kThreads + threadIdx.x) * kLanes;
    if (j >= columns) return;
    store_pack(to + n * to_columns + j, load_pack<kLanes>(from + n * from_columns + j, kLanes, true), kLanes,
               true);
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                               int64_t columns) {
    const int64_t N = from.shape()[0];
    if (N * columns == 0) return;
    const int64_t from_columns = from.count() / N, to_columns = to.count() / N;
    const float* source = from.data<float>() + from_column;
    float* target = to.data<float>() + to_column;
    const auto run = [&](auto lanes) {
        constexpr int kLanes = decltype(lanes)::value;
        const dim3 grid(blocks_for(N, 1).x, blocks_for(columns, kThreads * kLanes).x);
        launch(copy_columns_kernel<kLanes>, grid, dim3(kThreads), 0, stream(), columns, source, from_columns,
               target, to_columns);
    };
    if (columns % 4 == 0 && moves_by_four(source, from_columns) && moves_by_four(target, to_columns)) {
        run(std::integral_constant<int, 4>{});
    } else {
        run(std::integral_constant<int, 1>{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
