#include "objloc/kernels/emulator/launch.h"

#include <omp.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "objloc/engine/error.h"
#include "objloc/kernels/emulator/cluster.h"
#include "objloc/kernels/emulator/fault.h"

namespace objloc::host {
namespace {

constexpr uint64_t kThreadsWorthACore = 4096;  // fewer are done before another core wakes up

std::mutex launch_mutex;  // one launch at a time: workers and the numbering of runs are shared

/// What the CPU threads run blocks in, made when first needed.
std::vector<std::unique_ptr<Cluster>>& workers(size_t count) {
    static std::vector<std::unique_ptr<Cluster>> clusters;
    while (clusters.size() < count) clusters.push_back(std::make_unique<Cluster>(clusters.size()));
    return clusters;
}

/// So many numbers of runs; when they are used up, the cells are cleared and counting starts again.
uint64_t take_runs(uint64_t count) {
    static uint64_t next = 1;
    if (next + count >= kRuns) {
        clear_cells();
        next = 1;
    }
    const uint64_t first = next;
    next += count;
    return first;
}

/// The limits of every GPU since compute capability 5.0, and Hopper's shared memory.
void require_launchable(const Kernel& kernel, cuda_host::dim3 grid, cuda_host::dim3 threads, unsigned cluster,
                        size_t shared_bytes) {
    const auto require = [&](bool fine, const std::string& failure) {
        if (!fine) throw Error("kernel " + kernel.name(), "cannot be launched: " + failure);
    };
    const uint64_t count = uint64_t{threads.x} * threads.y * threads.z;
    require(count >= 1 && count <= 1024 && threads.z <= 64, std::to_string(count) + " threads in a block");
    require(grid.x >= 1 && grid.y >= 1 && grid.z >= 1, "no blocks");
    require(grid.x <= 0x7FFFFFFFu && grid.y <= 65535 && grid.z <= 65535, "more blocks than a grid takes");
    require(uint64_t{grid.x} * grid.y * grid.z < kRuns / 2, "more blocks than the host runtime takes");
    require(shared_bytes <= kMaxSharedBytes,
            std::to_string(shared_bytes) + " bytes of shared memory in a block");
    if (cluster == 1) return;
    require(cluster >= 1 && cluster <= kMaxCluster, "clusters of " + std::to_string(cluster) + " blocks");
    require(grid.x % cluster == 0, "a grid that clusters of " + std::to_string(cluster) + " do not divide");
    // Not CUDA's rules but this runtime's: warpgroups are counted through the cluster, and so are threads.
    require(count % kWarpgroup == 0, "clusters of blocks without whole warpgroups");
    require(count * cluster + count * cluster / kWarp * kEngines <= kThreadMask,
            "too many threads in a cluster");
}

/// The first block of a cluster.
cuda_host::uint3 block_index(uint64_t number, cuda_host::dim3 grid, unsigned cluster) {
    const unsigned across = grid.x / cluster;
    return {static_cast<unsigned>(number % across) * cluster, static_cast<unsigned>(number / across % grid.y),
            static_cast<unsigned>(number / across / grid.y)};
}

/// The order in which clusters are taken up; empty: their own.
std::vector<uint32_t> order_of_clusters(uint64_t count, uint64_t seed) {
    if (seed == 0) return {};
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
    return order;
}

}  // namespace

std::string Kernel::name() const {
    return function_name(function_);
}

void Launch::stop(const std::string& who, const std::string& failure, const void* caller) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    who_ = who;
    failure_ = failure;
    caller_ = caller;
    stopped_ = true;
}

void Launch::throw_fault() const {
    if (stopped_) throw Error("kernel " + kernel.name() + ", " + who_, failure_ + source_line(caller_));
}

void run_kernel(const Kernel& kernel, cuda_host::dim3 grid, cuda_host::dim3 threads, unsigned cluster,
                size_t shared_bytes, const HostRuntimeOptions& options) {
    require_launchable(kernel, grid, threads, cluster, shared_bytes);
    reserve_arena();
    std::lock_guard lock(launch_mutex);
    const uint64_t clusters = uint64_t{grid.x} * grid.y * grid.z / cluster;
    const uint64_t cuda_threads = clusters * cluster * threads.x * threads.y * threads.z;
    const auto cores = static_cast<uint64_t>(omp_get_num_procs());
    const uint64_t useful = std::min(cores, 1 + cuda_threads / kThreadsWorthACore);
    const uint64_t wanted = options.threads > 0 ? static_cast<uint64_t>(options.threads) : useful;
    const auto count = static_cast<int>(std::min({wanted, clusters, uint64_t{kMaxWorkers}}));
    const auto order = order_of_clusters(clusters, options.adversarial_seed);
    auto& pool = workers(static_cast<size_t>(count));
    Launch launch(kernel, grid, threads, cluster, shared_bytes, options, take_runs(clusters));
    std::atomic<uint64_t> next = 0;
#pragma omp parallel num_threads(count)
    {
        Cluster& worker = *pool[static_cast<size_t>(omp_get_thread_num())];
        for (uint64_t number; !launch.stopped() && (number = next++) < clusters;) {
            worker.run(launch, block_index(order.empty() ? number : order[number], grid, cluster), number);
        }
    }
    launch.throw_fault();
}

}  // namespace objloc::host
