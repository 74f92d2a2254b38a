#include "objloc/kernels/cuda/primitives/cluster.cuh"
#include "tests/emulator/device_array.cuh"
#include "tests/emulator/planted_faults.h"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Two blocks fetch halves of each tile for both
// -------------------------------------------------------------

constexpr int kTile = 32, kHalf = kTile / 2, kStages = 2, kTiles = 4, kThreads = 256, kConsumers = 128;
constexpr int kBlocks = 2;
constexpr unsigned kBoth = 3;

struct MulticastShared {
    float tile[kStages][kTile][kTile];
    MBarrier full[kStages], empty[kStages];
};

enum class Fault {
    none,
    blocks_not_synced,     // mbarriers used before the other block has made them
    releases_to_one,       // the other block is not told that its half was read
    own_half_expected,     // the other block's half is not counted
    returns_before_other,  // while the other still says what it has read
    block_without_rank,    // a box for a block that the cluster has not
    arrives_without_rank,
};

__device__ void produce(MulticastShared& shared, const TensorMap& map, Fault fault) {
    const int rank = cluster_rank();
    for (int t = 0; t < kTiles; ++t) {
        const int stage = t % kStages;
        if (t >= kStages) mbarrier_wait_cluster(&shared.empty[stage], (t / kStages - 1) % 2);
        const int whole = static_cast<int>(sizeof(shared.tile[0]));
        mbarrier_arrive_expect(&shared.full[stage], fault == Fault::own_half_expected ? whole / 2 : whole);
        tma_load_2d_multicast(shared.tile[stage][rank * kHalf], map, &shared.full[stage], 0,
                              t * kTile + rank * kHalf, fault == Fault::block_without_rank ? 7 : kBoth);
    }
}

__device__ void consume(MulticastShared& shared, Fault fault, float* y) {
    const int thread = static_cast<int>(threadIdx.x);
    float* mine = y + static_cast<int>(blockIdx.x) * kTiles * kTile * kTile;
    for (int t = 0; t < kTiles; ++t) {
        const int stage = t % kStages;
        mbarrier_wait(&shared.full[stage], t / kStages % 2);
        for (int i = thread; i < kTile * kTile; i += kConsumers) {
            mine[t * kTile * kTile + i] = shared.tile[stage][i / kTile][i % kTile];
        }
        for (int to = 0; to < kBlocks; ++to) {
            const int rank = fault == Fault::releases_to_one ? cluster_rank() : to;
            mbarrier_arrive_at(&shared.empty[stage], fault == Fault::arrives_without_rank ? to + 1 : rank);
        }
    }
}

__global__ void multicast_kernel(const __grid_constant__ TensorMap map, Fault fault, float* y) {
    MulticastShared& shared = shared_memory<MulticastShared>();
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; ++stage) {
            mbarrier_init(&shared.full[stage], 1);
            mbarrier_init(&shared.empty[stage], kBlocks * kConsumers);
        }
    }
    if (fault == Fault::blocks_not_synced) {
        __syncthreads();
    } else {
        cluster_sync();
    }
    if (threadIdx.x == kConsumers) {
        produce(shared, map, fault);
    } else if (threadIdx.x < kConsumers) {
        consume(shared, fault, y);
    }
    if (fault != Fault::returns_before_other) cluster_sync();
}

void run_multicast(const std::vector<float>& x, Fault fault, float* y) {
    const DeviceArray<float> tensor(x);
    const TensorMap map = make_tensor_map(tensor.data(), TensorElement::f32, false,
                                          {{kTile, 1, kTile}, {kTiles * kTile, kTile, kHalf}});
    launch_clusters(multicast_kernel, kBlocks, dim3(kBlocks), dim3(kThreads), sizeof(MulticastShared),
                    nullptr, map, fault, y);
}

template <Fault fault>
void run_planted(bool faulty) {
    const DeviceArray<float> y(kBlocks * kTiles * kTile * kTile);
    run_multicast(std::vector<float>(kTiles * kTile * kTile, 1.0f), faulty ? fault : Fault::none, y.data());
}

// ---- Order between blocks
// ---------------------------------------------------------------------------------------

/// Each block writes what the other one reads after a barrier, of the cluster or (faulty) of the block alone.
__global__ void exchange_kernel(bool faulty, float* x, float* y) {
    const unsigned other = blockIdx.x ^ 1u;
    x[blockIdx.x * blockDim.x + threadIdx.x] = static_cast<float>(threadIdx.x);
    if (faulty) {
        __syncthreads();
    } else {
        cluster_sync();
    }
    y[blockIdx.x * blockDim.x + threadIdx.x] = x[other * blockDim.x + threadIdx.x];
}

void run_exchange(bool faulty) {
    const DeviceArray<float> x(std::vector<float>(4 * kConsumers, 0.0f)), y(4 * kConsumers);
    launch_clusters(exchange_kernel, kBlocks, dim3(4), dim3(kConsumers), 0, nullptr, faulty, x.data(),
                    y.data());
}

/// Not all threads of the cluster come to its barrier.
__global__ void skipped_kernel(bool faulty) {
    if (faulty && blockIdx.x == 1 && threadIdx.x == 5) return;
    cluster_sync();
}

void run_skipped(bool faulty) {
    launch_clusters(skipped_kernel, kBlocks, dim3(kBlocks), dim3(kConsumers), 0, nullptr, faulty);
}

}  // namespace

const std::vector<PlantedFault> cluster_faults = {
    {"mbarriers not yet the other block's", "", false, run_planted<Fault::blocks_not_synced>},
    {"only one block is told of a stage that is read", "asynchronous copy is still on its way", false,
     run_planted<Fault::releases_to_one>},
    {"the other block's half is not counted", "", false, run_planted<Fault::own_half_expected>},
    {"return before the other block is done", "which has returned", true,
     run_planted<Fault::returns_before_other>},
    {"a box for a block that is none", "a box for blocks that the cluster does not have", true,
     run_planted<Fault::block_without_rank>},
    {"an arrival at a block that is none", "the cluster has no block 2", true,
     run_planted<Fault::arrives_without_rank>},
    {"blocks of a cluster exchange without its barrier", "of the cluster's block", false, run_exchange},
    {"a thread does not come to the cluster's barrier", "barrier of the cluster", true, run_skipped},
};

}  // namespace OBJLOC_CUDA_NAMESPACE

using namespace OBJLOC_CUDA_NAMESPACE;

const std::vector<PlantedFault>& planted_cluster_faults() {
    return cluster_faults;
}

std::vector<float> run_multicast_pipeline(const std::vector<float>& x) {
    const DeviceArray<float> y(kBlocks * kTiles * kTile * kTile);
    run_multicast(x, Fault::none, y.data());
    return y.download();
}

}  // namespace objloc
