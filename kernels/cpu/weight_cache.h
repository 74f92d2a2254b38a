// Keeps what convolutions derive from weights (oneDNN's blocked layout, Winograd's transform), so that it is
// made once per update, and once for ever when the weights are frozen.
#pragma once

#include <cstdint>
#include <functional>
#include <list>

#include "engine/tensor.h"

namespace objloc::cpu {

class WeightCache {
  public:
    explicit WeightCache(std::shared_ptr<CachingAllocator> allocator) : allocator_(std::move(allocator)) {}

    /// `form` of the weights `w`: `bytes` bytes that `make(to)` wrote for w's present version. `form` tells
    /// apart what is derived from the same weights. Valid until the next call.
    void* get(const Tensor& w, uint64_t form, size_t bytes, const std::function<void(void* to)>& make);

    /// A number that no other form has.
    static uint64_t unique_form();

  private:
    struct Entry {
        uint64_t storage, form, version;
        size_t byte_offset;
        Shape shape;
        Tensor derived;  // u8 (bytes)
    };

    std::shared_ptr<CachingAllocator> allocator_;
    std::list<Entry> entries_;  // the last used first
};

}  // namespace objloc::cpu
