#include "objloc/kernels/cuda/primitives/tma.cuh"
#include "tests/emulator/device_array.cuh"
#include "tests/emulator/planted_faults.h"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- A pipeline: one thread fetches tiles, two warps unpack them
// ------------------------------------------------

constexpr int kTile = 32, kStages = 2, kTiles = 3, kConsumers = 64;
constexpr int kRows = 40, kColumns = 70, kRowStride = 72;

struct PipelineShared {
    float tile[kStages][kTile][kTile];  // aligned to 1024 bytes, as shared memory is
    MBarrier full[kStages], empty[kStages];
};

enum class Fault {
    none,
    no_wait_for_readers,  // the producer overwrites a tile that is still read
    released_too_early,   // consumers say "empty" and then read
    too_many_bytes,       // more announced than fetched
    wrong_parity,
    not_initialised,
    no_barrier_after_init,
    too_many_arrivals,
    returns_in_flight,
};

__device__ void produce(PipelineShared& shared, const TensorMap& map, Fault fault) {
    for (int t = 0; t < kTiles; ++t) {
        const int stage = t % kStages;
        if (t >= kStages && fault == Fault::returns_in_flight) return;
        if (t >= kStages && fault != Fault::no_wait_for_readers) {
            mbarrier_wait(&shared.empty[stage], (t / kStages - 1) % 2);
        }
        const int bytes =
            static_cast<int>(sizeof(shared.tile[0])) + (fault == Fault::too_many_bytes ? 16 : 0);
        mbarrier_arrive_expect(&shared.full[stage], bytes);
        if (fault == Fault::too_many_arrivals) mbarrier_arrive(&shared.full[stage]);
        tma_load_2d(shared.tile[stage], map, &shared.full[stage], t * kTile - 5, -3);
    }
}

__device__ void consume(PipelineShared& shared, Fault fault, float* y) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int t = 0; t < kTiles; ++t) {
        const int stage = t % kStages;
        const int parity = t / kStages % 2;
        mbarrier_wait(&shared.full[stage], fault == Fault::wrong_parity ? 1 - parity : parity);
        if (fault == Fault::released_too_early) mbarrier_arrive(&shared.empty[stage]);
        for (int i = thread; i < kTile * kTile; i += kConsumers) {
            const int line = i / kTile, piece = i % kTile / 4;
            y[t * kTile * kTile + i] = shared.tile[stage][line][(piece ^ line % 8) * 4 + i % 4];
        }
        if (fault != Fault::released_too_early) mbarrier_arrive(&shared.empty[stage]);
    }
}

__global__ void tile_pipeline_kernel(const __grid_constant__ TensorMap map, Fault fault, float* y) {
    PipelineShared& shared = shared_memory<PipelineShared>();
    if (threadIdx.x == 0 && fault != Fault::not_initialised) {
        for (int stage = 0; stage < kStages; ++stage) {
            mbarrier_init(&shared.full[stage], 1);
            mbarrier_init(&shared.empty[stage], kConsumers);
        }
    }
    if (fault != Fault::no_barrier_after_init) __syncthreads();
    if (threadIdx.x == kConsumers) {
        produce(shared, map, fault);
    } else if (threadIdx.x < kConsumers && fault != Fault::returns_in_flight) {
        consume(shared, fault, y);
    }
}

/// x (40, 70) in rows of 72, the last two of which are never written: nothing may read them.
void run_pipeline(const std::vector<float>& x, Fault fault, float* y) {
    const DeviceArray<float> tensor(kRows * kRowStride);
    for (size_t row = 0; row < kRows; ++row) {
        require(cudaMemcpyAsync(tensor.data() + row * kRowStride, x.data() + row * kColumns,
                                kColumns * sizeof(float), cudaMemcpyHostToDevice, nullptr));
    }
    const TensorMap map = make_tensor_map(tensor.data(), TensorElement::f32, true,
                                          {{kColumns, 1, kTile}, {kRows, kRowStride, kTile}});
    launch(tile_pipeline_kernel, dim3(1), dim3(kConsumers + 32), sizeof(PipelineShared), nullptr, map, fault,
           y);
}

template <Fault fault>
void run_planted(bool faulty) {
    const DeviceArray<float> y(kTiles * kTile * kTile);
    run_pipeline(std::vector<float>(kRows * kColumns, 1.0f), faulty ? fault : Fault::none, y.data());
}

// ---- A convolution's patch
// --------------------------------------------------------------------------------------

constexpr int kPatchRows = 3, kPatchColumns = 4, kChannels = 8;
constexpr int kPatch = kPatchRows * kPatchColumns * kChannels;

struct PatchShared {
    float patch[kPatch];
    MBarrier full;
};

__global__ void patch_kernel(const __grid_constant__ TensorMap map, bool faulty, int n, int top, int left,
                             float* y) {
    PatchShared& shared = shared_memory<PatchShared>();
    if (threadIdx.x == 0) mbarrier_init(&shared.full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(&shared.full, sizeof(shared.patch));
        tma_load_4d(shared.patch, map, &shared.full, 0, left, top, n);
    }
    if (faulty) {
        __syncthreads();  // waits for threads, not for copies
    } else {
        mbarrier_wait(&shared.full, 0);
    }
    for (unsigned i = threadIdx.x; i < kPatch; i += blockDim.x) y[i] = shared.patch[i];
}

/// x (2, 5, 6, 8)
void run_patch_kernel(const std::vector<float>& x, bool faulty, int n, int top, int left, float* y) {
    constexpr int64_t kN = 2, kH = 5, kW = 6;
    const DeviceArray<float> tensor(x);
    const TensorMap map = make_tensor_map(tensor.data(), TensorElement::f32, false,
                                          {{kChannels, 1, kChannels},
                                           {kW, kChannels, kPatchColumns},
                                           {kH, kW * kChannels, kPatchRows},
                                           {kN, kH * kW * kChannels, 1}});
    launch(patch_kernel, dim3(1), dim3(32), sizeof(PatchShared), nullptr, map, faulty, n, top, left, y);
}

void run_planted_patch(bool faulty) {
    const DeviceArray<float> y(kPatch);
    run_patch_kernel(std::vector<float>(2 * 5 * 6 * 8, 1.0f), faulty, 0, 0, 0, y.data());
}

}  // namespace

const std::vector<PlantedFault> hopper_faults = {
    {"box not waited for", "asynchronous copy is still on its way", false, run_planted_patch},
    {"tile overwritten while read", "", false, run_planted<Fault::no_wait_for_readers>},
    {"tile released before it is read", "", false, run_planted<Fault::released_too_early>},
    {"fewer bytes than announced", "0 arrivals and 16 bytes missing", true,
     run_planted<Fault::too_many_bytes>},
    {"wrong parity", "", false, run_planted<Fault::wrong_parity>},
    {"mbarrier not initialised", "no mbarrier was initialised at byte", true,
     run_planted<Fault::not_initialised>},
    {"mbarrier used before others may see it", "", false, run_planted<Fault::no_barrier_after_init>},
    {"more arrivals than expected", "more arrivals than the mbarrier was initialised for", true,
     run_planted<Fault::too_many_arrivals>},
    {"return before copies are done", "returned while copies to shared memory were on their way", true,
     run_planted<Fault::returns_in_flight>},
};

}  // namespace OBJLOC_CUDA_NAMESPACE

using namespace OBJLOC_CUDA_NAMESPACE;

const std::vector<PlantedFault>& planted_hopper_faults() {
    return hopper_faults;
}

std::vector<float> run_tile_pipeline(const std::vector<float>& x) {
    const DeviceArray<float> y(kTiles * kTile * kTile);
    run_pipeline(x, Fault::none, y.data());
    return y.download();
}

std::vector<float> run_patch(const std::vector<float>& x, int n, int top, int left) {
    const DeviceArray<float> y(kPatch);
    run_patch_kernel(x, false, n, top, left, y.data());
    return y.download();
}

}  // namespace objloc
