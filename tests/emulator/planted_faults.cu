#include "tests/emulator/planted_faults.h"

#include "objloc/kernels/cuda/primitives/ptx.cuh"
#include "tests/emulator/device_array.cuh"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;
constexpr int kWords = 256;  // of shared memory
using Words = int[kWords];

/// Runs one block of `kernel(faulty, data)` on kThreads zeros.
void run_block(void (*kernel)(bool, int*), bool faulty, unsigned blocks = 1) {
    const DeviceArray<int> data(std::vector<int>(kThreads, 0));
    launch(kernel, dim3(blocks), dim3(kThreads), sizeof(Words), nullptr, faulty, data.data());
}

__device__ int thread() {
    return static_cast<int>(threadIdx.x);
}

/// Shared memory all zero and known to be, so that what a kernel does next can only be a race.
__device__ int* zeroed_words() {
    int* shared = shared_memory<Words>();
    for (int i = thread(); i < kWords; i += kThreads) shared[i] = 0;
    __syncthreads();
    return shared;
}

// ---- Out of bounds
// --------------------------------------------------------------------------------------------

__global__ void global_read_kernel(bool faulty, int* data) {
    const int position = thread() + (faulty ? 1 : 0);
    int& own = shared_memory<Words>()[thread()];
    own = data[position];
}

__global__ void global_write_kernel(bool faulty, int* data) {
    data[thread() - (faulty ? 1 : 0)] = 1;
}

__global__ void shared_read_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    shared[thread()] = shared[thread() + kThreads] = 0;
    __syncthreads();
    data[thread()] = shared[thread() + kThreads + (faulty ? 1 : 0)];
}

__global__ void shared_write_kernel(bool faulty, int*) {
    shared_memory<Words>()[kWords - kThreads + thread() + (faulty ? 1 : 0)] = 1;
}

__global__ void null_kernel(bool faulty, int* data) {
    int* to = faulty ? nullptr : data;
    if (thread() == 0) *to = 1;
}

__global__ void copy_one_kernel(const int* from, int* to) {
    *to = *from;
}

__global__ void misaligned_kernel(bool faulty, int* data) {
    if (thread() != 0) return;
    int* to = data + kThreads / 2 + (faulty ? 1 : 0);
    *reinterpret_cast<uint4*>(to) = *reinterpret_cast<uint4*>(data);
}

void run_host_pointer(bool faulty) {
    const std::vector<int> host(1, 7);
    const DeviceArray<int> device(host), to(1);
    launch(copy_one_kernel, dim3(1), dim3(1), 0, nullptr, faulty ? host.data() : device.data(), to.data());
}

void run_freed_memory(bool faulty) {
    const DeviceArray<int> to(1);
    void* block = nullptr;
    require(cudaMalloc(&block, sizeof(int)));
    require(cudaMemsetAsync(block, 0, sizeof(int), nullptr));
    if (faulty) require(cudaFree(block));
    launch(copy_one_kernel, dim3(1), dim3(1), 0, nullptr, static_cast<const int*>(block), to.data());
    if (!faulty) require(cudaFree(block));
}

void run_host_access(bool faulty) {
    const DeviceArray<int> data(std::vector<int>(kThreads, 1));
    if (faulty) *data.data() = 2;
    launch(global_write_kernel, dim3(1), dim3(kThreads), sizeof(Words), nullptr, false, data.data());
}

// ---- Never written
// --------------------------------------------------------------------------------------------

void run_unwritten_global(bool faulty) {
    const DeviceArray<int> from(1), to(1);
    if (!faulty) require(cudaMemsetAsync(from.data(), 0, sizeof(int), nullptr));
    launch(copy_one_kernel, dim3(1), dim3(1), 0, nullptr, from.data(), to.data());
}

void run_unwritten_download(bool faulty) {
    const DeviceArray<int> data(4);
    require(cudaMemsetAsync(data.data(), 0, (faulty ? 3 : 4) * sizeof(int), nullptr));
    data.download();
}

__global__ void unwritten_shared_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    if (!faulty || thread() % 8 != 3) shared[thread()] = 1;
    data[thread()] = shared[thread()];
}

// ---- Races
// ------------------------------------------------------------------------------------------------------

__global__ void read_before_barrier_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    shared[thread()] = thread();
    if (!faulty) __syncthreads();
    data[thread()] = shared[kThreads - 1 - thread()];
}

/// A tile that is filled again while others may still read it: the barrier at the end of a loop.
__global__ void overwrite_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    int sum = 0;
    for (int step = 0; step < 3; ++step) {
        shared[thread()] = step;
        __syncthreads();
        for (int i = 0; i < 4; ++i) sum += shared[(thread() + i) % kThreads];
        if (!faulty) __syncthreads();
    }
    data[thread()] = sum;
}

__global__ void two_writers_kernel(bool faulty, int*) {
    int* shared = shared_memory<Words>();
    shared[faulty ? thread() / 2 : thread()] = 1;
}

__global__ void byte_writers_kernel(bool faulty, int*) {
    auto* bytes = reinterpret_cast<unsigned char*>(shared_memory<Words>());
    bytes[faulty ? thread() & ~1 : thread()] = 1;  // distinct bytes of a word are no conflict
}

__global__ void race_in_warp_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    shared[thread()] = thread();
    if (!faulty) __syncwarp();
    data[thread()] = shared[thread() ^ 1];
}

/// __syncwarp orders a warp, and only that.
__global__ void race_between_warps_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    shared[thread()] = thread();
    __syncwarp();
    data[thread()] = shared[thread() ^ (faulty ? 32 : 16)];
}

/// A shuffle lets lanes meet, but orders no memory.
__global__ void shuffle_is_no_fence_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    shared[thread()] = thread();
    const int other = __shfl_xor_sync(0xFFFFFFFFu, thread(), 1);
    if (!faulty) __syncwarp();
    data[thread()] = shared[other];
}

/// Two halves of the block, each with its barrier.
__global__ void named_barrier_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    shared[thread()] = thread();
    named_barrier_sync(1 + thread() / 64, 64);
    data[thread()] = shared[faulty ? kThreads - 1 - thread() : thread() ^ 32];
}

/// One warp produces, the others consume; bar.arrive hands over in both directions.
__global__ void hand_over_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    constexpr int kFull = 1, kEmpty = 2, kSteps = 3;
    if (thread() < 32) {
        for (int step = 0; step < kSteps; ++step) {
            if (step > 0) named_barrier_sync(kEmpty, kThreads);
            shared[thread()] = step;
            named_barrier_arrive(kFull, kThreads);
        }
    } else {
        int sum = 0;
        for (int step = 0; step < kSteps; ++step) {
            named_barrier_sync(kFull, kThreads);
            if (faulty && step < kSteps - 1) named_barrier_arrive(kEmpty, kThreads);
            sum += shared[thread() % 32];
            if (!faulty && step < kSteps - 1) named_barrier_arrive(kEmpty, kThreads);
        }
        data[thread()] = sum;
    }
}

__global__ void global_race_kernel(bool faulty, int* data) {
    data[thread()] = 1;
    if (!faulty) __syncthreads();
    const int other = data[kThreads - 1 - thread()];
    if (!faulty) __syncthreads();
    data[thread()] = other + 1;
}

__global__ void race_of_blocks_kernel(bool faulty, int* data) {
    if (thread() == 0) data[faulty ? 0 : blockIdx.x] = 1;
}

__global__ void read_across_blocks_kernel(bool faulty, int* data) {
    if (thread() == 0) data[blockIdx.x] = faulty ? data[0] : 1;
}

__global__ void atomic_kernel(bool faulty, int* data) {
    if (faulty && thread() == 5) {
        data[0] += 1;
    } else {
        atomicAdd(&data[0], 1);
    }
}

// ---- Rendezvous
// -------------------------------------------------------------------------------------------------

__global__ void early_return_kernel(bool faulty, int*) {
    if (faulty && thread() >= 64) return;
    __syncthreads();
}

__global__ void divergent_barrier_kernel(bool faulty, int*) {
    if (faulty && thread() >= 64) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    if (!faulty) __syncthreads();
}

__global__ void named_deadlock_kernel(bool faulty, int*) {
    const int own = thread() / 64;
    named_barrier_sync(faulty ? 1 + own : 1, kThreads);
}

__global__ void arrive_twice_kernel(bool faulty, int*) {
    named_barrier_arrive(1, 2 * kThreads);
    if (!faulty) __syncthreads();
    named_barrier_arrive(faulty ? 1 : 2, 2 * kThreads);
}

__global__ void barrier_count_kernel(bool faulty, int*) {
    named_barrier_sync(1, faulty && thread() >= 64 ? 64 : kThreads);
}

__global__ void missing_lane_kernel(bool faulty, int* data) {
    if (faulty && thread() == 7) return;
    data[thread()] = __shfl_down_sync(0xFFFFFFFFu, thread(), 1);
}

__global__ void wrong_mask_kernel(bool faulty, int* data) {
    data[thread()] = __shfl_sync(faulty ? 0x0000FFFFu : 0xFFFFFFFFu, thread(), 0);
}

__global__ void different_masks_kernel(bool faulty, int* data) {
    const unsigned mask = thread() % 32 < 16 ? 0x0000FFFFu : (faulty ? 0xFFFFFFFFu : 0xFFFF0000u);
    data[thread()] = __any_sync(mask, 1);
}

// ---- Asynchronous copies
// ----------------------------------------------------------------------------------------

__global__ void copy_without_wait_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    if (thread() >= kThreads / 4) return;
    cp_async_16(&shared[4 * thread()], &data[4 * thread()]);
    cp_async_commit();
    if (!faulty) cp_async_wait<0>();
    data[4 * thread()] = shared[4 * thread() + 1];
}

__global__ void copy_waits_too_little_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    if (thread() >= kThreads / 4) return;
    for (int stage = 0; stage < 2; ++stage) {
        cp_async_16(&shared[stage * kThreads + 4 * thread()], &data[4 * thread()]);
        cp_async_commit();
    }
    cp_async_wait<1>();
    data[4 * thread()] = shared[(faulty ? kThreads : 0) + 4 * thread()];
}

__global__ void copy_without_barrier_kernel(bool faulty, int* data) {
    int* shared = shared_memory<Words>();
    if (thread() < kThreads / 4) {
        cp_async_16(&shared[4 * thread()], &data[4 * thread()]);
        cp_async_commit();
        cp_async_wait<0>();
    }
    if (!faulty) __syncthreads();
    data[thread()] = shared[thread()];
}

__global__ void copy_over_readers_kernel(bool faulty, int* data) {
    int* shared = zeroed_words();
    const int before = shared[kThreads - 1 - thread()];
    if (!faulty) __syncthreads();
    if (thread() < kThreads / 4) cp_async_16(&shared[4 * thread()], &data[4 * thread()]);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    data[thread()] = before + shared[thread()];
}

// ---- Kernels whose results are looked at
// ------------------------------------------------------------------------

__global__ void block_sums_kernel(const float* x, float* y) {
    float* partial = shared_memory<float[4]>();
    const float value = x[blockIdx.x * kThreads + threadIdx.x];
    float sum = value * value;
    for (unsigned offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xFFFFFFFFu, sum, offset);
    if (thread() % 32 == 0) partial[thread() / 32] = sum;
    __syncthreads();
    if (thread() == 0) y[blockIdx.x] = partial[0] + partial[1] + partial[2] + partial[3];
}

struct MmaShared {
    __nv_bfloat16 a[16][16];
    __nv_bfloat16 b[16][8];
};

__device__ void load_sums(Sums4& d, const float* c) {  // c (16, 8)
    for (int i = 0; i < 4; ++i) d.value[i] = c[(thread() / 4 + i / 2 * 8) * 8 + thread() % 4 * 2 + i % 2];
}
__device__ void store_sums(const Sums4& d, float* c) {
    for (int i = 0; i < 4; ++i) c[(thread() / 4 + i / 2 * 8) * 8 + thread() % 4 * 2 + i % 2] = d.value[i];
}

__global__ void mma_bf16_kernel(const float* a, const float* b, const float* c, float* out) {
    MmaShared& shared = shared_memory<MmaShared>();
    for (int i = thread(); i < 256; i += 32) shared.a[i / 16][i % 16] = __float2bfloat16(a[i]);
    for (int i = thread(); i < 128; i += 32) shared.b[i / 8][i % 8] = __float2bfloat16(b[i]);
    __syncwarp();
    const int matrix = thread() / 8, row = thread() % 8;
    const Fragment4 left = ldmatrix_x4(&shared.a[row + 8 * (matrix % 2)][8 * (matrix / 2)]);
    const Fragment4 right = ldmatrix_x4_trans(&shared.b[row + 8 * (matrix % 2)][0]);  // only two are used
    Sums4 d;
    load_sums(d, c);
    mma_m16n8k16_bf16(d, left.word, {right.word[0], right.word[1]});
    store_sums(d, out);
}

__global__ void mma_tf32_kernel(const float* a, const float* b, const float* c, float* out) {
    const int group = thread() / 4, member = thread() % 4;
    Sums4 d;
    load_sums(d, c);
    const uint32_t left[4] = {to_tf32(a[group * 8 + member]), to_tf32(a[(group + 8) * 8 + member]),
                              to_tf32(a[group * 8 + member + 4]), to_tf32(a[(group + 8) * 8 + member + 4])};
    const uint32_t right[2] = {to_tf32(b[member * 8 + group]), to_tf32(b[(member + 4) * 8 + group])};
    mma_m16n8k8_tf32(d, left, right);
    store_sums(d, out);
}

/// Each thread moves a column of 16-byte pieces, two copies ahead of the one it stores.
__global__ void copy_pipeline_kernel(const float* x, float* y, int steps, int valid) {
    constexpr int kStages = 3;
    float4* stage = shared_memory<float4[kStages * 32]>() + thread();
    const auto piece = [&](int step) { return step * 32 + thread(); };
    const auto start = [&](int step) {
        if (step < steps) {
            cp_async_16(&stage[step % kStages * 32], x + 4 * piece(step), piece(step) % 5 == 0 ? valid : 16);
        }
        cp_async_commit();
    };
    start(0);
    start(1);
    for (int step = 0; step < steps; ++step) {
        start(step + 2);
        cp_async_wait<2>();
        *reinterpret_cast<float4*>(y + 4 * piece(step)) = stage[step % kStages * 32];
    }
}

__global__ void warp_functions_kernel(const int* x, int* y) {
    constexpr unsigned kAll = 0xFFFFFFFFu;
    const int value = x[thread()];
    int* out = y + 12 * thread();
    out[0] = __shfl_sync(kAll, value, 5);
    out[1] = __shfl_sync(kAll, value, thread() + 3, 8);
    out[2] = __shfl_xor_sync(kAll, value, 9);
    out[3] = __shfl_xor_sync(kAll, value, 3, 8);
    out[4] = __shfl_down_sync(kAll, value, 7);
    out[5] = __shfl_down_sync(kAll, value, 2, 4);
    out[6] = __shfl_up_sync(kAll, value, 7);
    out[7] = __shfl_up_sync(kAll, value, 2, 4);
    out[8] = static_cast<int>(__ballot_sync(kAll, value % 3 == 0));
    out[9] = __any_sync(kAll, value == 1000000);
    out[10] = __all_sync(kAll, value < 1000000);
    out[11] = 0;
    if (thread() % 2 == 0) out[11] = __shfl_xor_sync(0x55555555u, value, 2);
}

template <void (*kernel)(bool, int*)>
void one_block(bool faulty) {
    run_block(kernel, faulty);
}
template <void (*kernel)(bool, int*)>
void four_blocks(bool faulty) {
    run_block(kernel, faulty, 4);
}

}  // namespace

const std::vector<PlantedFault> all_faults = {
    {"read past the end of global memory", "out of bounds: reads 4 bytes at 0 bytes past the end", false,
     one_block<global_read_kernel>},
    {"write before global memory", "out of bounds: writes 4 bytes at 4 bytes before an allocation of 512",
     false, one_block<global_write_kernel>},
    {"read past the end of shared memory", "out of bounds: reads 4 bytes at byte 1024 of the block's 1024",
     false, one_block<shared_read_kernel>},
    {"write past the end of shared memory", "out of bounds: writes 4 bytes at byte 1024 of the block's 1024",
     false, one_block<shared_write_kernel>},
    {"null pointer", "out of bounds: writes 4 bytes at a null pointer", false, one_block<null_kernel>},
    {"misaligned vector", "misaligned: writes 16 bytes", false, one_block<misaligned_kernel>},
    {"pointer to host memory", "out of bounds: reads 4 bytes at memory of the host", false, run_host_pointer},
    {"freed memory", "byte 0 of a freed allocation", false, run_freed_memory},
    {"host code touches device memory", "host code follows a pointer to device memory", true,
     run_host_access},
    {"global memory never written", "which was never written", false, run_unwritten_global},
    {"download of memory never written", "of which byte 12 was never written", false, run_unwritten_download},
    {"shared memory never written", "which was never written", false, one_block<unwritten_shared_kernel>},
    {"read without a barrier", "with no barrier between", false, one_block<read_before_barrier_kernel>},
    {"overwrite without a barrier", "with no barrier between", false, one_block<overwrite_kernel>},
    {"two writers", "wrote with no barrier between", false, one_block<two_writers_kernel>},
    {"two writers of a byte", "wrote with no barrier between", false, one_block<byte_writers_kernel>},
    {"race within a warp", "with no barrier between", false, one_block<race_in_warp_kernel>},
    {"race between warps", "with no barrier between", false, one_block<race_between_warps_kernel>},
    {"shuffle taken for a fence", "with no barrier between", false, one_block<shuffle_is_no_fence_kernel>},
    {"race across named barriers", "with no barrier between", false, one_block<named_barrier_kernel>},
    {"overwrite before consumers are done", "with no barrier between", false, one_block<hand_over_kernel>},
    {"race in global memory", "with no barrier between", false, one_block<global_race_kernel>},
    {"blocks write the same word", "which another block wrote in the same launch", false,
     four_blocks<race_of_blocks_kernel>},
    {"blocks read another's word", "in the same launch", false, four_blocks<read_across_blocks_kernel>},
    {"atomic and plain access", "with no barrier between", false, one_block<atomic_kernel>},
    {"threads return before a barrier", "threads 64 to 127 returned", true, one_block<early_return_kernel>},
    {"divergent barrier", "divergent barrier: __syncthreads", true, one_block<divergent_barrier_kernel>},
    {"deadlock on a named barrier", "threads 64 to 127 wait at named_barrier_sync (barrier 2, 128 threads)",
     true, one_block<named_deadlock_kernel>},
    {"thread comes to a barrier twice", "the same thread came to it before", true,
     one_block<arrive_twice_kernel>},
    {"barrier with two counts", "divergent barrier: named_barrier_sync (barrier 1,", true,
     one_block<barrier_count_kernel>},
    {"shuffle with a lane missing", "threads 7 to 7 returned", true, one_block<missing_lane_kernel>},
    {"shuffle outside its mask", "the mask leaves out the calling lane", true, one_block<wrong_mask_kernel>},
    {"vote with two masks", "wait at __any_sync", true, one_block<different_masks_kernel>},
    {"asynchronous copy not waited for", "asynchronous copy is still on its way", false,
     one_block<copy_without_wait_kernel>},
    {"asynchronous copy waited for too little", "asynchronous copy is still on its way", false,
     one_block<copy_waits_too_little_kernel>},
    {"asynchronous copy without a barrier", "", false, one_block<copy_without_barrier_kernel>},
    {"asynchronous copy over what is read", "which thread", false, one_block<copy_over_readers_kernel>},
};

}  // namespace OBJLOC_CUDA_NAMESPACE

const std::vector<PlantedFault>& planted_faults() {
    return OBJLOC_CUDA_NAMESPACE::all_faults;
}

// ---- Launchers
// --------------------------------------------------------------------------------------------------

using namespace OBJLOC_CUDA_NAMESPACE;

std::vector<float> run_block_sums(const std::vector<float>& x) {
    const unsigned blocks = static_cast<unsigned>(x.size()) / kThreads;
    const DeviceArray<float> from(x), to(blocks);
    launch(block_sums_kernel, dim3(blocks), dim3(kThreads), 16, nullptr, from.data(), to.data());
    return to.download();
}

std::vector<float> run_mma_bf16(const std::vector<float>& a, const std::vector<float>& b,
                                const std::vector<float>& c) {
    const DeviceArray<float> da(a), db(b), dc(c), d(c.size());
    launch(mma_bf16_kernel, dim3(1), dim3(32), sizeof(MmaShared), nullptr, da.data(), db.data(), dc.data(),
           d.data());
    return d.download();
}

std::vector<float> run_mma_tf32(const std::vector<float>& a, const std::vector<float>& b,
                                const std::vector<float>& c) {
    const DeviceArray<float> da(a), db(b), dc(c), d(c.size());
    launch(mma_tf32_kernel, dim3(1), dim3(32), 0, nullptr, da.data(), db.data(), dc.data(), d.data());
    return d.download();
}

std::vector<float> run_copy_pipeline(const std::vector<float>& x, int valid) {
    const DeviceArray<float> from(x), to(x.size());
    const int steps = static_cast<int>(x.size()) / 128;
    launch(copy_pipeline_kernel, dim3(1), dim3(32), 3 * 32 * sizeof(float4), nullptr, from.data(), to.data(),
           steps, valid);
    return to.download();
}

std::vector<int> run_warp_functions(const std::vector<int>& x) {
    const DeviceArray<int> from(x), to(12 * x.size());
    launch(warp_functions_kernel, dim3(1), dim3(32), 0, nullptr, from.data(), to.data());
    return to.download();
}

}  // namespace objloc
