#include "kernels/cpu/weight_cache.h"

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

void* WeightCache::get(const Tensor& w, uint64_t form, size_t bytes, const std::function<void(void*)>& make) {
    const uint64_t storage = w.storage().id(), version = w.storage().version();
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.storage == storage && entry.form == form && entry.byte_offset == w.byte_offset() &&
               entry.shape == w.shape();
    });
    if (found == entries_.end()) {
        if (entries_.size() == kMostEntries) entries_.pop_back();
        const Tensor derived({static_cast<int64_t>(bytes)}, DType::u8,
                             std::make_shared<Storage>(allocator_, bytes));
        make(derived.raw());
        entries_.push_front({storage, form, version, w.byte_offset(), w.shape(), derived});
    } else {
        entries_.splice(entries_.begin(), entries_, found);
        if (found->version != version) make(found->derived.raw());
        found->version = version;
    }
    return entries_.front().derived.raw();
}

}  // namespace objloc::cpu
