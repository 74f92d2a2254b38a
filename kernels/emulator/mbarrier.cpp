// mbarriers. Reference: PTX ISA, section "mbarrier".
#include "objloc/kernels/emulator/cluster.h"

namespace objloc::host {
namespace {

constexpr size_t kMBarrierBytes = 8;

}  // namespace

// ---- mbarriers
// ------------------------------------------------------------------------------------------------

void Cluster::mbarrier_init(void* mbarrier, unsigned count) {
    if (arena_offset(mbarrier) % kMBarrierBytes != 0) fault("misaligned: mbarrier at " + describe(mbarrier));
    check_access(mbarrier, kMBarrierBytes, Access::write);
    if (count == 0) fault("an mbarrier for no arrivals");
    mbarriers_[mbarrier] = {count, count, 0, 0, {}, {}, nullptr, nullptr, nullptr};
}

MBarrier& Cluster::mbarrier_at(void* mbarrier) {
    const auto found = mbarriers_.find(mbarrier);
    if (found == mbarriers_.end()) fault("no mbarrier was initialised at " + describe(mbarrier));
    check_access(mbarrier, kMBarrierBytes, Access::atomic);
    return found->second;
}

void Cluster::mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where) {
    MBarrier& at = mbarrier_at(mbarrier);
    const Wait wait = {"mbarrier_arrive", 0, -1, 0, where, &at};
    if (at.pending == 0) fault(text_of(wait) + ": more arrivals than the mbarrier was initialised for");
    at.bytes += static_cast<int64_t>(expected_bytes);
    --at.pending;
    at.arrivals.push_back(release(false));
    update_running(*current_);
    finish_phase(at);
}

void Cluster::finish_phase(MBarrier& mbarrier) {
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
void Cluster::learn(Thread& thread, MBarrier& mbarrier) {
    if (!mbarrier.taught || mbarrier.taught_from != thread.known) {
        auto clock = std::make_shared<Clock>(*mbarrier.completed);
        if (thread.known) merge(*clock, *thread.known);
        mbarrier.taught_from = thread.known;
        mbarrier.taught = std::move(clock);
    }
    thread.known = mbarrier.taught;
}

void Cluster::mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where) {
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

}  // namespace objloc::host
