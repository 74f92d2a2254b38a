#include "objloc/kernels/cpu/conv2d/weight_cache.h"

#include <algorithm>
#include <atomic>

namespace objloc::cpu {
namespace {

// More than twice the forms of a VGG16 (two for each of 13 convolutions). What belongs to models that are
// gone is never used again, so it leaves from the end of the list.
constexpr size_t kMostEntries = 64;

}  // namespace

uint64_t WeightCache::unique_form() {
    static std::atomic<uint64_t> counter{0};
    return ++counter;
}

Tensor WeightCache::make_derived(size_t bytes, const std::function<void(void*)>& make) const {
    Tensor derived({static_cast<int64_t>(bytes)}, DType::u8, std::make_shared<Storage>(allocator_, bytes));
    make(derived.raw());
    return derived;
}

void* WeightCache::get(const Tensor& w, uint64_t form, size_t bytes, const std::function<void(void*)>& make) {
    passing_ = {};
    const uint64_t storage = w.storage().id(), version = w.storage().version();
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.storage == storage && entry.form == form && entry.byte_offset == w.byte_offset() &&
               entry.shape == w.shape();
    });
    if (found != entries_.end() && found->version == version) {
        entries_.splice(entries_.begin(), entries_, found);
        if (!found->derived) found->derived = make_derived(bytes, make);
        return found->derived.raw();
    }
    if (found != entries_.end()) {
        entries_.erase(found);
    } else if (entries_.size() == kMostEntries) {
        entries_.pop_back();
    }
    entries_.push_front({storage, form, version, w.byte_offset(), w.shape(), {}});
    passing_ = make_derived(bytes, make);
    return passing_.raw();
}

}  // namespace objloc::cpu
