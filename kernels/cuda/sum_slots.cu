// Sum of slots.   to[i] = sum over s of slots[s][i]
//
// slots (S, count), to (count). A block makes 32 elements with 8 threads each: thread l adds slots l, l + 8,
// ... so that a long column of slots is read by many threads at once; neighbouring threads read neighbouring
// elements.
//
// Deterministic: the eight sums of an element are added as a fixed tree.
#include "kernels/cuda/sum_slots.cuh"

#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kElements = 32, kLanes = 8;

struct SlotSums {
    float sum[kLanes][kElements];
};

__global__ void __launch_bounds__(kElements* kLanes)
    sum_slots_kernel(int64_t count_slots, int64_t count, const float* slots, float* to) {
    SlotSums& shared = shared_memory<SlotSums>();
    const int64_t i = int64_t{blockIdx.x} * kElements + threadIdx.x;
    float sum = 0;
    if (i < count) {
        for (int64_t s = threadIdx.y; s < count_slots; s += kLanes) sum += slots[s * count + i];
    }
    shared.sum[threadIdx.y][threadIdx.x] = sum;
    for (unsigned half = kLanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
            shared.sum[threadIdx.y][threadIdx.x] += shared.sum[threadIdx.y + half][threadIdx.x];
        }
    }
    if (threadIdx.y == 0 && i < count) to[i] = shared.sum[0][threadIdx.x];
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void sum_slots(cudaStream_t stream, int64_t count_slots, int64_t count, const float* slots, float* to) {
    launch(sum_slots_kernel, blocks_for(count, kElements), dim3(kElements, kLanes), sizeof(SlotSums), stream,
           count_slots, count, slots, to);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
