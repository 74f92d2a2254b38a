// Where the CUDA backend's blocks come from.
#pragma once

#include "objloc/engine/allocator.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// cudaMalloc and cudaFree. Throws Error with what was asked, what is free, and what there is in all.
/// Not cudaMallocAsync: in a step that is being captured, that would become part of the graph.
class DeviceMemory : public MemorySource {
  public:
    void* allocate(size_t bytes) override;
    void release(void* block) noexcept override;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
