// mbarriers, and the copies of tensors' boxes that they count. Reference: PTX ISA, sections "mbarrier" and
// "cp.async.bulk.tensor".
#include <algorithm>
#include <cstring>

#include "kernels/host/block.h"

namespace objloc::host {
namespace {

constexpr size_t kMBarrierBytes = 8;

int64_t box_bytes(const cuda_host::TensorMap& map) {
    int64_t bytes = map.stride[0];
    for (int i = 0; i < map.dimensions; ++i) bytes *= map.box[i];
    return bytes;
}

/// Calls `row(source or null, bytes)` for each innermost line of the box, in the order in which they lie in
/// shared memory; `inside` bytes of it from `skipped` on are in the tensor.
template <typename Row>
void for_each_row(const BoxInFlight& box, const Row& row) {
    const auto& map = box.map;
    int64_t rows = 1;
    for (int i = 1; i < map.dimensions; ++i) rows *= map.box[i];
    const int64_t begin = std::clamp<int64_t>(-int64_t{box.corner[0]}, 0, map.box[0]);
    const int64_t end = std::clamp<int64_t>(map.size[0] - box.corner[0], begin, map.box[0]);
    for (int64_t number = 0; number < rows; ++number) {
        const unsigned char* from = map.base + (box.corner[0] + begin) * map.stride[0];
        bool inside = end > begin;
        int64_t rest = number;
        for (int i = 1; i < map.dimensions; ++i) {
            const int64_t at = box.corner[i] + rest % map.box[i];
            rest /= map.box[i];
            inside = inside && at >= 0 && at < map.size[i];
            from += at * map.stride[i];
        }
        row(inside ? from : nullptr, static_cast<size_t>(begin * map.stride[0]),
            static_cast<size_t>(inside ? (end - begin) * map.stride[0] : 0));
    }
}

/// The 128-byte swizzle: which of eight 16-byte pieces comes first changes from one 128-byte line to the
/// next.
size_t swizzled(size_t address) {
    return address ^ (address >> 7 & 7) << 4;
}

}  // namespace

// ---- mbarriers
// ------------------------------------------------------------------------------------------------

void Block::mbarrier_init(void* mbarrier, unsigned count) {
    if (arena_offset(mbarrier) % kMBarrierBytes != 0) fault("misaligned: mbarrier at " + describe(mbarrier));
    check_access(mbarrier, kMBarrierBytes, Access::write);
    if (count == 0) fault("an mbarrier for no arrivals");
    mbarriers_[mbarrier] = {count, count, 0, 0, {}, {}, nullptr, nullptr, nullptr};
}

MBarrier& Block::mbarrier_at(void* mbarrier) {
    const auto found = mbarriers_.find(mbarrier);
    if (found == mbarriers_.end()) fault("no mbarrier was initialised at " + describe(mbarrier));
    check_access(mbarrier, kMBarrierBytes, Access::atomic);
    return found->second;
}

void Block::mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where) {
    MBarrier& at = mbarrier_at(mbarrier);
    const Wait wait = {"mbarrier_arrive", 0, -1, 0, where, &at};
    if (at.pending == 0) fault(text_of(wait) + ": more arrivals than the mbarrier was initialised for");
    at.bytes += static_cast<int64_t>(expected_bytes);
    --at.pending;
    at.arrivals.push_back(release(false));
    update_running(*current_);
    finish_phase(at);
}

void Block::finish_phase(MBarrier& mbarrier) {
    if (mbarrier.pending != 0 || mbarrier.bytes != 0) return;
    mbarrier.completed = joined(mbarrier.arrivals);
    mbarrier.taught_from = mbarrier.taught = nullptr;
    mbarrier.arrivals.clear();
    mbarrier.pending = mbarrier.count;
    ++mbarrier.phase;
    for (Thread* thread : mbarrier.waiting) {
        learn(*thread, mbarrier);
        make_ready(*thread);
    }
    mbarrier.waiting.clear();
}

/// Who waited knows what those knew that arrived. Threads mostly come with the same knowledge, and share the
/// result.
void Block::learn(Thread& thread, MBarrier& mbarrier) {
    if (!mbarrier.taught || mbarrier.taught_from != thread.known) {
        auto clock = std::make_shared<Clock>(*mbarrier.completed);
        if (thread.known) merge(*clock, *thread.known);
        mbarrier.taught_from = thread.known;
        mbarrier.taught = std::move(clock);
    }
    thread.known = mbarrier.taught;
}

void Block::mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where) {
    MBarrier& at = mbarrier_at(mbarrier);
    if (at.phase % 2 != parity) {  // the phase of that parity is complete
        if (at.completed) {
            learn(*current_, at);
            update_running(*current_);
        }
        return;
    }
    at.waiting.push_back(current_);
    suspend({"mbarrier_wait", 0, -1, 0, where, &at});
}

// ---- Boxes of tensors
// -------------------------------------------------------------------------------------------

void Block::start_box(const BoxInFlight& box) {
    mbarrier_at(box.mbarrier);
    const auto& map = box.map;
    const size_t line = static_cast<size_t>(map.box[0] * map.stride[0]);
    if (map.swizzle && line != 128) fault("a box with 128-byte swizzle must be 128 bytes wide");
    if (line % 16 != 0) fault("a box's width must be a multiple of 16 bytes");
    if (arena_offset(box.to) % (map.swizzle ? 1024 : 128) != 0)
        fault("misaligned: box to " + describe(box.to));
    for_each_row(box, [&](const unsigned char* from, size_t, size_t inside) {
        if (from != nullptr) check_access(from, inside, Access::read);
    });
    start_copy_in(box.to, static_cast<size_t>(box_bytes(map)));
    boxes_.push_back({box, release(false)});
    update_running(*current_);
}

void Block::deliver_box() {
    const size_t number = launch_->options.adversarial_seed != 0 ? random() % boxes_.size() : 0;
    const BoxDelivery delivery = boxes_[number];
    boxes_.erase(boxes_.begin() + static_cast<std::ptrdiff_t>(number));
    const BoxInFlight& box = delivery.box;
    size_t to = reinterpret_cast<size_t>(box.to);
    const size_t line = static_cast<size_t>(box.map.box[0] * box.map.stride[0]);
    for_each_row(box, [&](const unsigned char* from, size_t skipped, size_t inside) {
        std::vector<unsigned char> bytes(line, 0);  // outside the tensor: zeros
        if (from != nullptr) std::memcpy(bytes.data() + skipped, from, inside);
        for (size_t i = 0; i < line; i += 16) {
            void* piece = reinterpret_cast<void*>(box.map.swizzle ? swizzled(to + i) : to + i);
            std::memcpy(piece, bytes.data() + i, 16);
        }
        to += line;
    });
    const auto bytes = box_bytes(box.map);
    finish_copy_in(box.to, static_cast<size_t>(bytes), false);
    MBarrier& mbarrier = mbarriers_.at(box.mbarrier);
    mbarrier.bytes -= bytes;
    mbarrier.arrivals.push_back(delivery.issued);
    finish_phase(mbarrier);
}

}  // namespace objloc::host
