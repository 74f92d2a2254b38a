// Convolution, gradient of the bias.   db[k] = sum over n,p,q of dy[n,p,q,k]
//
// dy (N, out_rows, out_columns, K), f32 or bf16; db (K), f32. A pooled entry of dy reaches exactly one pixel,
// unless its code says that ReLU clipped the window, so the pooled gradient is summed as it is and never
// spread out.
//
// The rows of dy are split among blocks. A block makes 32 filters with 8 threads each and leaves its sums in
// a slot of its own, which a second kernel adds (sum_slots.cu).
//
// Deterministic: the split follows from the problem alone and every sum has a fixed order.
#include <algorithm>

#include "kernels/cuda/conv2d.cuh"
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/sum_slots.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kFilters = 32, kLanes = 8;

struct FilterSums {
    float sum[kLanes][kFilters];
};

/// slots[blockIdx.y][k]: the sum over the block's `per_block` rows.
template <typename T>
__global__ void __launch_bounds__(kFilters* kLanes)
    conv2d_backward_bias_kernel(int64_t rows, int64_t per_block, int K, const T* dy, const uint8_t* codes,
                                float* slots) {
    FilterSums& shared = shared_memory<FilterSums>();
    const int k = static_cast<int>(blockIdx.x) * kFilters + static_cast<int>(threadIdx.x);
    const int64_t begin = int64_t{blockIdx.y} * per_block;
    const int64_t end = begin + per_block < rows ? begin + per_block : rows;
    float sum = 0;
    if (k < K) {
        for (int64_t row = begin + threadIdx.y; row < end; row += kLanes) {
            const bool passes = codes == nullptr || codes[row * K + k] != kPoolClipped;
            if (passes) sum += widened(dy[row * K + k]);
        }
    }
    shared.sum[threadIdx.y][threadIdx.x] = sum;
    for (unsigned half = kLanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
            shared.sum[threadIdx.y][threadIdx.x] += shared.sum[threadIdx.y + half][threadIdx.x];
        }
    }
    if (threadIdx.y == 0 && k < K) slots[int64_t{blockIdx.y} * K + k] = shared.sum[0][threadIdx.x];
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                       const Tensor& db) {
    const int K = to_int32(problem.K, "filters");
    if (K == 0) return;
    const int64_t rows = problem.N * problem.out_rows() * problem.out_columns();
    constexpr int64_t kMostSplits = 512, kLeastRows = 64;
    const int64_t per_block = std::max(kLeastRows, ceil_div(rows, kMostSplits));
    const int64_t splits = std::max<int64_t>(1, ceil_div(rows, per_block));
    const Tensor slots = splits == 1 ? db : allocate({splits, problem.K});
    const dim3 grid(blocks_for(K, kFilters).x, static_cast<unsigned>(splits));
    const uint8_t* codes = problem.pool ? gradient.codes.data<uint8_t>() : nullptr;
    with_elements_of(gradient.dy, [&](auto element) {
        using T = decltype(element);
        launch(conv2d_backward_bias_kernel<T>, grid, dim3(kFilters, kLanes), sizeof(FilterSums), stream(),
               rows, per_block, K, gradient.dy.data<T>(), codes, slots.data<float>());
    });
    if (splits > 1) sum_slots(stream(), splits, problem.K, slots.data<float>(), db.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
