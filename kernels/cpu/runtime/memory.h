// Where the CPU backend's blocks come from.
#pragma once

#include "objloc/engine/allocator.h"

namespace objloc::cpu {

/// The C++ heap, aligned to 256 bytes; blocks of 2 MB and more on huge pages where the system has them.
/// Throws Error with what was asked and what is free.
class AlignedHeap : public MemorySource {
  public:
    void* allocate(size_t bytes) override;
    void release(void* block) noexcept override;
};

}  // namespace objloc::cpu
