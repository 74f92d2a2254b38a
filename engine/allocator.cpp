#include "objloc/engine/allocator.h"

#include <algorithm>
#include <limits>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

constexpr size_t kGranule = 512;
constexpr size_t kSlack = 2;  // half of what is needed may be cached beside it

size_t rounded(size_t bytes) {
    return std::max(kGranule, (bytes + kGranule - 1) / kGranule * kGranule);
}

}  // namespace

CachingAllocator::CachingAllocator(std::unique_ptr<MemorySource> source, Reuse reuse)
    : source_(std::move(source)), reuse_(reuse) {
}

CachingAllocator::~CachingAllocator() {
    trim();
}

void* CachingAllocator::allocate(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const size_t wanted = rounded(bytes);
    // A cached block may be up to a quarter too large: waste stays bounded, and a step's blocks fit the next
    // step's.
    const auto found = cached_.lower_bound(wanted);
    void* block = nullptr;
    size_t size = wanted;
    if (found != cached_.end() && found->first <= wanted + wanted / 4) {
        size = found->first;
        block = found->second;
        cached_.erase(found);
    } else {
        if (reuse_ == Reuse::bounded) keep_within_bound(wanted);
        try {
            block = source_->allocate(wanted);
        } catch (const Error&) {
            if (cached_.empty()) throw;
            trim();  // cached blocks of other sizes may be all that stands in the way
            block = source_->allocate(wanted);
        }
        reserved_ += wanted;
        reserved_high_water_ = std::max(reserved_high_water_, reserved_);
    }
    handed_out_.emplace(block, size);
    if (recording_ != nullptr) recorded_.emplace(block, recording_);
    in_use_ += size;
    high_water_ = std::max(high_water_, in_use_);
    return block;
}

void CachingAllocator::release(void* block) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = handed_out_.find(block);
    if (found == handed_out_.end()) return;
    const size_t size = found->second;
    handed_out_.erase(found);
    in_use_ -= size;
    const auto recorded = recorded_.find(block);
    if (recorded != recorded_.end() && (reuse_ == Reuse::never || recorded->second != recording_)) {
        recorded->second->kept_.emplace(block, size);
    } else if (reuse_ != Reuse::never) {
        cached_.emplace(size, block);
    } else {
        reserved_ -= size;
        source_->release(block);
    }
}

void CachingAllocator::trim() noexcept {
    give_back(std::numeric_limits<size_t>::max());
}

void CachingAllocator::keep_within_bound(size_t wanted) noexcept {
    const size_t needed = std::max(high_water_, in_use_ + wanted);
    const size_t bound = needed + needed / kSlack;
    if (reserved_ + wanted > bound) give_back(reserved_ + wanted - bound);
}

void CachingAllocator::give_back(size_t bytes) noexcept {
    for (auto next = cached_.end(); bytes > 0 && next != cached_.begin();) {
        --next;  // the largest first
        const auto [size, block] = *next;
        if (recorded_.contains(block)) continue;  // of a step that is being captured
        reserved_ -= size;
        bytes -= std::min(bytes, size);
        source_->release(block);
        next = cached_.erase(next);
    }
}

BlockRecording::BlockRecording(std::shared_ptr<CachingAllocator> allocator)
    : allocator_(std::move(allocator)) {
    const std::lock_guard lock(allocator_->mutex_);
    if (allocator_->recording_ != nullptr) throw Error("memory", "a step is being captured inside another");
    allocator_->recording_ = this;
}

void BlockRecording::stop() {
    const std::lock_guard lock(allocator_->mutex_);
    if (allocator_->recording_ != this) return;
    allocator_->recording_ = nullptr;
    for (auto cached = allocator_->cached_.begin(); cached != allocator_->cached_.end();) {
        const auto [size, block] = *cached;
        const bool mine = allocator_->recorded_.contains(block);  // what others keep is not in the cache
        if (mine) kept_.emplace(block, size);
        cached = mine ? allocator_->cached_.erase(cached) : std::next(cached);
    }
}

BlockRecording::~BlockRecording() {
    stop();
    const std::lock_guard lock(allocator_->mutex_);
    std::erase_if(allocator_->recorded_, [this](const auto& block) { return block.second == this; });
    for (const auto& [block, size] : kept_) {
        if (allocator_->reuse_ != Reuse::never) {
            allocator_->cached_.emplace(size, block);
        } else {
            allocator_->reserved_ -= size;
            allocator_->source_->release(block);
        }
    }
}

}  // namespace objloc
