// Clusters (sm_90): blocks that run at the same time, side by side, and reach each other's shared memory.
// What one of them fetches, the copy engine can leave with all of them. Kernels are launched in clusters with
// launch_clusters(). Reference: NVIDIA, "Parallel Thread Execution ISA", sections "barrier.cluster", "mapa",
// "cp.async.bulk.tensor" (.multicast::cluster).
//
// A block's shared memory is there only while the block runs: all wait for each other (cluster_sync) before
// the first touches another's, and again before the first returns.
#pragma once

#include "objloc/kernels/cuda/primitives/wgmma.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// This block's number in its cluster; 0 where there are no clusters.
OBJLOC_DEVICE int cluster_rank() {
#if defined(OBJLOC_CUDA_ON_HOST)
    return static_cast<int>(host::cluster_rank());
#else
    uint32_t rank = 0;
    OBJLOC_SM90("mov.u32 %0, %%cluster_ctarank;\n" : "=r"(rank));
    return static_cast<int>(rank);
#endif
}

/// barrier.cluster: waits for all threads of all blocks of the cluster, and orders their accesses to memory.
OBJLOC_DEVICE void cluster_sync(OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::sync_cluster(where);
#else
    OBJLOC_SM90(
        "barrier.cluster.arrive.release;\n"
        "barrier.cluster.wait.acquire;\n" ::
            : "memory");
#endif
}

/// One arrival at the mbarrier that the cluster's block `rank` has where this block has `mbarrier`.
OBJLOC_DEVICE void mbarrier_arrive_at(MBarrier* mbarrier, int rank, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_arrive(host::mbarrier_of(mbarrier, static_cast<unsigned>(rank)), 0, where);
#else
    OBJLOC_SM90(
        "{\n"
        ".reg .b32 remote;\n"
        "mapa.shared::cluster.u32 remote, %0, %1;\n"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n"
        "}\n" ::"r"(shared_address(mbarrier)),
        "r"(rank)
        : "memory");
#endif
}

/// mbarrier_wait where arrivals come from other blocks of the cluster: what those did before is seen.
OBJLOC_DEVICE void mbarrier_wait_cluster(MBarrier* mbarrier, int parity, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_wait(mbarrier, static_cast<unsigned>(parity), where);
#else
    OBJLOC_SM90(
        "{\n"
        ".reg .pred complete;\n"
        "again:\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 complete, [%0], %1;\n"
        "@!complete bra again;\n"
        "}\n" ::"r"(shared_address(mbarrier)),
        "r"(parity)
        : "memory");
#endif
}

/// tma_load_2d into each block of the cluster whose bit is set in `ranks`: to the place where it has what
/// this block has at `shared`, and counted by the mbarrier that it has there. The box is read from memory
/// once.
OBJLOC_DEVICE void tma_load_2d_multicast(void* shared, const TensorMap& map, MBarrier* mbarrier, int c0,
                                         int c1, unsigned ranks) {
#if defined(OBJLOC_CUDA_ON_HOST)
    const int corner[] = {c0, c1};
    host::start_multicast(map, corner, shared, mbarrier, ranks);
#else
    OBJLOC_SM90A(  // only there is it said to be fast
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%3, %4}], [%2], %5;\n" ::"r"(shared_address(shared)),
        "l"(&map), "r"(shared_address(mbarrier)), "r"(c0), "r"(c1), "h"(static_cast<uint16_t>(ranks))
        : "memory");
#endif
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
