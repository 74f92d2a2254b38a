// The copy engine of Hopper and later (TMA) and the barriers that count what it brings (sm_90), as thin
// functions like those of ptx.cuh. Reference: NVIDIA, "Parallel Thread Execution ISA", sections "mbarrier",
// "cp.async.bulk.tensor".
#pragma once

#include "objloc/kernels/cuda/primitives/ptx.cuh"
#include "objloc/kernels/cuda/primitives/tensor_map.cuh"

/// Instructions of sm_90. Code for older GPUs may hold them, but must not come to them.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define OBJLOC_SM90(...) __trap()
#else
#define OBJLOC_SM90(...) asm volatile(__VA_ARGS__)
#endif

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- mbarriers: barriers in shared memory that count arrivals and bytes
// ----------------------------------------

/// One mbarrier: 8 bytes of shared memory, aligned to 8. A phase is complete when `count` arrivals and all
/// announced bytes have come; then the next phase begins. Phases alternate in parity, the first is 0.
using MBarrier = uint64_t;

/// mbarrier.init, and the fence that lets the copy engine see it. Other threads may use it after a barrier.
OBJLOC_DEVICE void mbarrier_init(MBarrier* mbarrier, int count) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_init(mbarrier, static_cast<unsigned>(count));
#else
    OBJLOC_SM90(
        "mbarrier.init.shared::cta.b64 [%0], %1;\n"
        "fence.mbarrier_init.release.cluster;\n" ::"r"(shared_address(mbarrier)),
        "r"(count)
        : "memory");
#endif
}

/// One arrival. What this thread did until now is seen by who waits for the phase.
OBJLOC_DEVICE void mbarrier_arrive(MBarrier* mbarrier, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_arrive(mbarrier, 0, where);
#else
    OBJLOC_SM90("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(shared_address(mbarrier)) : "memory");
#endif
}

/// One arrival that announces `bytes` more to come by copies in this phase.
OBJLOC_DEVICE void mbarrier_arrive_expect(MBarrier* mbarrier, int bytes, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_arrive(mbarrier, static_cast<size_t>(bytes), where);
#else
    OBJLOC_SM90("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(shared_address(mbarrier)),
                "r"(bytes)
                : "memory");
#endif
}

/// Waits until the phase of this parity is complete: returns at once while the mbarrier is in one of the
/// other.
OBJLOC_DEVICE void mbarrier_wait(MBarrier* mbarrier, int parity, OBJLOC_PLACE) {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::mbarrier_wait(mbarrier, static_cast<unsigned>(parity), where);
#else
    OBJLOC_SM90(
        "{\n"
        ".reg .pred complete;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 complete, [%0], %1;\n"
        "@!complete bra again;\n"
        "}\n" ::"r"(shared_address(mbarrier)),
        "r"(parity)
        : "memory");
#endif
}

// ---- Boxes of tensors, brought by the copy engine
// ------------------------------------------------------

/// cp.async.bulk.tensor: one thread starts the copy of the box whose first element has these coordinates,
/// innermost first; they may lie outside the tensor, where zeros are fetched. `shared` is aligned to 128
/// bytes, with swizzle to 1024. The box's bytes, those outside included, count for `mbarrier`.
OBJLOC_DEVICE void tma_load_2d(void* shared, const TensorMap& map, MBarrier* mbarrier, int c0, int c1) {
#if defined(OBJLOC_CUDA_ON_HOST)
    const int corner[] = {c0, c1};
    host::start_box(map, corner, shared, mbarrier);
#else
    OBJLOC_SM90(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4}], "
        "[%2];\n" ::"r"(shared_address(shared)),
        "l"(&map), "r"(shared_address(mbarrier)), "r"(c0), "r"(c1)
        : "memory");
#endif
}

OBJLOC_DEVICE void tma_load_4d(void* shared, const TensorMap& map, MBarrier* mbarrier, int c0, int c1, int c2,
                               int c3) {
#if defined(OBJLOC_CUDA_ON_HOST)
    const int corner[] = {c0, c1, c2, c3};
    host::start_box(map, corner, shared, mbarrier);
#else
    OBJLOC_SM90(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
        "%4, %5, "
        "%6}], [%2];\n" ::"r"(shared_address(shared)),
        "l"(&map), "r"(shared_address(mbarrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
        : "memory");
#endif
}

// ---- Boxes of tensors, taken away by the copy engine
// ------------------------------------------------------------

/// fence.proxy.async: what this thread wrote to shared memory may be read by the copy engine and the tensor
/// cores, which do not look where ordinary accesses do. Then a barrier, and the thread that starts them may
/// go on.
OBJLOC_DEVICE void fence_proxy_async() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::fence_for_engines();
#else
    OBJLOC_SM90("fence.proxy.async.shared::cta;\n" ::: "memory");
#endif
}

/// cp.async.bulk.tensor the other way: one thread starts the copy of a box out of shared memory; what lies
/// outside the tensor is not written. The box must not be changed before tma_store_wait.
OBJLOC_DEVICE void tma_store_4d(const TensorMap& map, const void* shared, int c0, int c1, int c2, int c3) {
#if defined(OBJLOC_CUDA_ON_HOST)
    const int corner[] = {c0, c1, c2, c3};
    host::start_store(map, corner, shared);
#else
    OBJLOC_SM90(
        "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];\n" ::"l"(
            &map),
        "r"(shared_address(shared)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
        : "memory");
#endif
}

/// Closes a group: all boxes this thread sent since the last one.
OBJLOC_DEVICE void tma_store_commit() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::commit_stores();
#else
    OBJLOC_SM90("cp.async.bulk.commit_group;\n" ::: "memory");
#endif
}

/// Waits until of all but the last `kPending` groups of this thread shared memory has been read and may be
/// written again. A thread waits for all of its groups before it returns.
template <int kPending>
OBJLOC_DEVICE void tma_store_wait() {
#if defined(OBJLOC_CUDA_ON_HOST)
    host::wait_stores(kPending);
#else
    OBJLOC_SM90("cp.async.bulk.wait_group.read %0;\n" ::"n"(kPending) : "memory");
#endif
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
