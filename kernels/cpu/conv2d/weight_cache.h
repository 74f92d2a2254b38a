// Keeps what convolutions derive from weights (oneDNN's blocked layout, Winograd's transform), so that it is
// made once per update, and once for ever when the weights are frozen.
//
// A training step asks once for each form and then changes the weights, so keeping would cost memory (472 MB
// for VGG16) and save nothing. What is asked for a second time without a change is kept from then on.
#pragma once

#include <cstdint>
#include <functional>
#include <list>

#include "objloc/engine/tensor.h"

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
    Tensor make_derived(size_t bytes, const std::function<void(void* to)>& make) const;

    struct Entry {
        uint64_t storage, form, version;
        size_t byte_offset;
        Shape shape;
        Tensor derived;  // u8 (bytes); empty until the second time
    };

    std::shared_ptr<CachingAllocator> allocator_;
    std::list<Entry> entries_;  // the last used first
    Tensor passing_;            // what the last call gave out without keeping it
};

}  // namespace objloc::cpu
