// Convolution, gradient of the bias.   db[k] = sum over n,p,q of dy[n,p,q,k]
//
// dy (N, out_rows, out_columns, K), f32 or bf16; db (K), f32. A pooled entry of dy reaches exactly one pixel,
// unless its code says that ReLU clipped the window, so the pooled gradient is summed as it is and never
// spread out.
//
// dy is read once, and one byte of codes an element where there are some. A block takes a strip of filters,
// 128 bytes of each row, down a share of the rows: 8 threads side by side with 16 bytes each (8 filters of
// bf16 or 4 of f32), 32 rows at a time, and each thread has four rows on their way. Four such blocks on every
// multiprocessor of the largest GPUs keep 64 KiB on their way there. Where K is no multiple of a vector, or
// dy is not aligned, a thread takes one filter instead. A block leaves its sums in a partial of its own, which a
// second kernel adds (reduce_partials.cu).
//
// Deterministic: the split follows from the problem alone and every sum has a fixed order.
#include <algorithm>
#include <type_traits>

#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/primitives/reduce_partials.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kGroups = 8, kRows = 32;
constexpr int kBlocksTogether = 4;  // on a multiprocessor; said to the compiler, it gives loads the registers

template <int kLanes>
struct FilterSums {
    float sum[kRows][extent(kGroups * kLanes)];
};

/// What a thread adds up: kLanes filters of the rows row, row + kRows, ...
template <typename T, int kLanes, bool kPooled>
struct FilterColumn {
    int64_t K;
    const T* dy;  // at the thread's first filter
    const uint8_t* codes;
    Pack<float, kLanes> sum;

    /// kAhead rows, all of them read before the first is added.
    template <int kAhead>
    __device__ void add(int64_t row) {
        Pack<T, kLanes> gradient[extent(kAhead)];
        Pack<uint8_t, kLanes> code[extent(kAhead)];
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
            const int64_t at = (row + a * kRows) * K;
            gradient[a] = *reinterpret_cast<const Pack<T, kLanes>*>(dy + at);
            if constexpr (kPooled) code[a] = *reinterpret_cast<const Pack<uint8_t, kLanes>*>(codes + at);
        }
#pragma unroll
        for (int a = 0; a < kAhead; ++a) {
#pragma unroll
            for (int j = 0; j < kLanes; ++j) {
                const bool passes = !kPooled || code[a].lane[j] != kPoolClipped;
                sum.lane[j] += passes ? widened(gradient[a].lane[j]) : 0;
            }
        }
    }
};

/// partials[blockIdx.y][k]: the sum over the block's `per_block` rows, for the strip of filters blockIdx.x.
template <typename T, int kLanes, bool kPooled>
__global__ void __launch_bounds__(kGroups* kRows, kBlocksTogether)
    conv2d_backward_bias_kernel(int64_t rows, int64_t per_block, int K, const T* dy, const uint8_t* codes,
                                float* partials) {
    FilterSums<kLanes>& shared = shared_memory<FilterSums<kLanes>>();
    constexpr int kStrip = kGroups * kLanes;
    const int strip = static_cast<int>(blockIdx.x) * kStrip;
    const int k = strip + static_cast<int>(threadIdx.x) * kLanes;
    const int64_t begin = int64_t{blockIdx.y} * per_block;
    const int64_t end = begin + per_block < rows ? begin + per_block : rows;
    FilterColumn<T, kLanes, kPooled> column = {K, dy + k, codes + k, {}};
    int64_t row = begin + threadIdx.y;
    if (k < K) {
        for (; row + 3 * kRows < end; row += 4 * kRows) column.template add<4>(row);
        for (; row < end; row += kRows) column.template add<1>(row);
    }
#pragma unroll
    for (int j = 0; j < kLanes; ++j) {
        shared.sum[threadIdx.y][static_cast<int>(threadIdx.x) * kLanes + j] = column.sum.lane[j];
    }
    __syncthreads();
    const int thread = static_cast<int>(threadIdx.y) * kGroups + static_cast<int>(threadIdx.x);
    if (thread >= kStrip || strip + thread >= K) return;
    float total = 0;
#pragma unroll
    for (int y = 0; y < kRows; ++y) total += shared.sum[y][thread];
    partials[int64_t{blockIdx.y} * K + strip + thread] = total;
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                       const Tensor& db) {
    const int K = to_int32(problem.K, "filters");
    if (K == 0) return;
    const int64_t rows = problem.N * problem.out_rows() * problem.out_columns();
    const uint8_t* codes = problem.pool ? gradient.codes.data<uint8_t>() : nullptr;
    dispatch_dtype(gradient.dy, [&](auto element) {
        using T = decltype(element);
        const T* dy = gradient.dy.data<T>();
        const auto run = [&](auto lanes) {
            constexpr int kLanes = decltype(lanes)::value;
            constexpr int64_t kBlocks = kBlocksTogether * 132, kLeastRows = 4 * kRows;
            const int64_t strips = ceil_div(K, kGroups * kLanes);
            const int64_t per_block = std::max(kLeastRows, ceil_div(rows * strips, kBlocks));
            const int64_t splits = std::max<int64_t>(1, ceil_div(rows, per_block));
            const Tensor partials = splits == 1 ? db : allocate({splits, problem.K});
            const dim3 grid(static_cast<unsigned>(strips), static_cast<unsigned>(splits));
            launch(codes != nullptr ? conv2d_backward_bias_kernel<T, kLanes, true>
                                    : conv2d_backward_bias_kernel<T, kLanes, false>,
                   grid, dim3(kGroups, kRows), sizeof(FilterSums<kLanes>), stream(), rows, per_block, K, dy,
                   codes, partials.data<float>());
            if (splits > 1)
                reduce_partials(stream(), splits, problem.K, partials.data<float>(), db.data<float>());
        };
        if (moves_by<kWidest<T>>(dy, K) && moves_by<kWidest<T>>(codes, K)) {
            run(std::integral_constant<int, kWidest<T>>{});
        } else {
            run(std::integral_constant<int, 1>{});
        }
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
