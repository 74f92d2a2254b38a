// Sum of slots.   to[i] = sum over s of slots[s][i]
//
// slots (S, count), to (count), f32: each slot is read once, `to` written once. A thread adds four elements,
// in accesses of 16 bytes; where count is no multiple of four, or memory not aligned, one by one. Weights
// have millions of elements in a few slots: there a thread adds all slots of its elements, four on their way
// at a time. Biases have a few hundred elements in hundreds of slots, where that would be a chain of as many
// accesses to memory: there 32 threads share an element's slots, thread l adds slots l, l + 32, ...
//
// Deterministic: how many threads share an element follows from the number of slots, and their sums are added
// in order.
#include "kernels/cuda/sum_slots.cuh"

#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kManySlots = 32;

/// The sums of kShare threads an element.
template <int kShare, int kLanes>
struct SlotSums {
    Pack<float, kLanes> sum[extent(kShare)][extent(kThreads / kShare)];
};

template <int kShare, int kLanes>
__global__ void __launch_bounds__(kThreads)
    sum_slots_kernel(int count_slots, int64_t count, const float* slots, float* to) {
    constexpr int kGroups = kThreads / kShare;  // of kLanes elements
    const int64_t i = (int64_t{blockIdx.x} * kGroups + threadIdx.x) * kLanes;
    Pack<float, kLanes> sum = {};
    if (i < count) {
#pragma unroll 4
        for (int s = static_cast<int>(threadIdx.y); s < count_slots; s += kShare) {
            const auto slot = load_pack<kLanes>(slots + s * count + i, kLanes, true);
#pragma unroll
            for (int j = 0; j < kLanes; ++j) sum.lane[j] += slot.lane[j];
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
void run(cudaStream_t stream, int64_t count_slots, int64_t count, const float* slots, float* to) {
    constexpr unsigned kGroups = kThreads / kShare;
    launch(sum_slots_kernel<kShare, kLanes>, blocks_for(ceil_div(count, kLanes), kGroups),
           dim3(kGroups, kShare), kShare > 1 ? sizeof(SlotSums<kShare, kLanes>) : 0, stream,
           to_int32(count_slots, "slots"), count, slots, to);
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void sum_slots(cudaStream_t stream, int64_t count_slots, int64_t count, const float* slots, float* to) {
    const bool vectors = moves_by_four(slots, count) && moves_by_four(to, count);
    const bool many = count_slots >= kManySlots;
    const auto by_fours = many ? run<kManySlots, 4> : run<1, 4>;
    const auto one_by_one = many ? run<kManySlots, 1> : run<1, 1>;
    (vectors ? by_fours : one_by_one)(stream, count_slots, count, slots, to);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
