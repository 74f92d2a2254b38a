// The pipeline that feeds a block's tensor cores: while slice s is multiplied, the next three are on their
// way from global to shared memory.
//
//     stage   0     1     2     3        four places in shared memory; slice s lies in s % 4
//     step 0  mma   here  here  copy
//     step 1  copy  mma   here  here     and so on: one wait and one barrier a step
//
// Where A and B come from is the business of two "panels". A panel has
//     fetch(slice)   starts to bring its next slice there: by cp.async, past the registers, or loads it
//                    into registers
//     store(slice)   puts what was loaded into registers into shared memory; nothing to do after cp.async
// The products stand between the two, so that loads which must pass through registers (a pooled gradient is
// spread on its way) have time to arrive.
#pragma once

#include "objloc/kernels/cuda/primitives/mma_tile.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kMmaStages = 4;

template <typename SliceA, typename SliceB>
struct MmaStages {
    SliceA a[kMmaStages];
    SliceB b[kMmaStages];
};

/// Shared memory of a block: first for the stages, then for the finished sums.
template <typename Shape, typename SliceA, typename SliceB>
constexpr size_t mma_shared_bytes() {
    constexpr size_t stages = sizeof(MmaStages<SliceA, SliceB>), sums = sizeof(StagedSums<Shape>);
    return stages > sums ? stages : sums;
}

/// The whole product of one block, `steps` slices deep, left in shared memory.
template <typename Shape, typename PanelA, typename PanelB>
OBJLOC_DEVICE const StagedSums<Shape>& multiply_slices(PanelA& a, PanelB& b, int steps) {
    using Stages = MmaStages<typename PanelA::Slice, typename PanelB::Slice>;
    Stages& stages = shared_memory<Stages>();
    // Slice number `slice` is on its way; past the end an empty group keeps the count of groups right.
    for (int slice = 0; slice < kMmaStages - 1; ++slice) {
        if (slice < steps) {
            a.fetch(stages.a[slice]);
            b.fetch(stages.b[slice]);
            a.store(stages.a[slice]);
            b.store(stages.b[slice]);
        }
        cp_async_commit();
    }
    WarpSums sums;
    for (int step = 0; step < steps; ++step) {
        const int next = step + kMmaStages - 1, to = next % kMmaStages, now = step % kMmaStages;
        const bool more = next < steps;
        cp_async_wait<kMmaStages - 2>();  // this thread's part of slice `step` has come
        __syncthreads();                  // everybody's has, and nobody reads slice step - 1 any more
        if (more) {
            a.fetch(stages.a[to]);
            b.fetch(stages.b[to]);
        }
        cp_async_commit();
        sums.template multiply<Shape>(stages.a[now], stages.b[now]);
        if (more) {
            a.store(stages.a[to]);
            b.store(stages.b[to]);
        }
    }
    cp_async_wait<0>();
    __syncthreads();  // the sums take the place of the slices
    StagedSums<Shape>& staged = shared_memory<StagedSums<Shape>>();
    staged.store(sums);
    return staged;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
