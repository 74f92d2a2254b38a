// Sum of partials.   to[i] = sum over s of partials[s][i]
//
// partials (S, count), to (count), f32: each partial is read once, `to` written once. A thread adds four elements,
// in accesses of 16 bytes; where count is no multiple of four, or memory not aligned, one by one. Weights
// have millions of elements in a few partials: there a thread adds all partials of its elements, four on their way
// at a time. Biases have a few hundred elements in hundreds of partials, where that would be a chain of as many
// accesses to memory: there 32 threads share an element's partials, thread l adds partials l, l + 32, ...
//
// Deterministic: how many threads share an element follows from the number of partials, and their sums are added
// in order.
#include "objloc/kernels/cuda/primitives/reduce_partials.cuh"

#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kManyPartials = 32;

/// The sums of kShare threads an element.
template <int kShare, int kLanes>
struct SlotSums {
    Pack<float, kLanes> sum[extent(kShare)][extent(kThreads / kShare)];
};

template <int kShare, int kLanes>
__global__ void __launch_bounds__(kThreads)
    reduce_partials_kernel(int partial_count, int64_t count, const float* partials, float* to) {
    constexpr int kGroups = kThreads / kShare;  // of kLanes elements
    const int64_t i = (int64_t{blockIdx.x} * kGroups + threadIdx.x) * kLanes;
    Pack<float, kLanes> sum = {};
    if (i < count) {
#pragma unroll 4
        for (int s = static_cast<int>(threadIdx.y); s < partial_count; s += kShare) {
            const auto partial = load_pack<kLanes>(partials + s * count + i, kLanes, true);
#pragma unroll
            for (int j = 0; j < kLanes; ++j) sum.lane[j] += partial.lane[j];
        }
    }
    if constexpr (kShare > 1) {
        auto& shared = shared_memory<SlotSums<kShare, kLanes>>();
        shared.sum[threadIdx.y][threadIdx.x] = sum;
        __syncthreads();
        if (threadIdx.y > 0) return;
        for (int share = 1; share < kShare; ++share) {
#pragma unroll
            for (int j = 0; j < kLanes; ++j) sum.lane[j] += shared.sum[share][threadIdx.x].lane[j];
        }
    }
    if (i < count) store_pack(to + i, sum, kLanes, true);
}

template <int kShare, int kLanes>
void run(cudaStream_t stream, int64_t partial_count, int64_t count, const float* partials, float* to) {
    constexpr unsigned kGroups = kThreads / kShare;
    launch(reduce_partials_kernel<kShare, kLanes>, blocks_for(ceil_div(count, kLanes), kGroups),
           dim3(kGroups, kShare), kShare > 1 ? sizeof(SlotSums<kShare, kLanes>) : 0, stream,
           to_int32(partial_count, "partials"), count, partials, to);
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void reduce_partials(cudaStream_t stream, int64_t partial_count, int64_t count, const float* partials,
                     float* to) {
    const bool vectors = moves_by_four(partials, count) && moves_by_four(to, count);
    const bool many = partial_count >= kManyPartials;
    const auto by_fours = many ? run<kManyPartials, 4> : run<1, 4>;
    const auto one_by_one = many ? run<kManyPartials, 1> : run<1, 1>;
    (vectors ? by_fours : one_by_one)(stream, partial_count, count, partials, to);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
