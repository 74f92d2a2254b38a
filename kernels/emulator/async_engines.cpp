// The copy engine and the tensor cores as the race check sees them. They reach shared memory by a way of
// their own, the "async proxy": what a thread wrote there is theirs to read only after that thread's
// fence.proxy.async. Reference: PTX ISA, section "Async proxy".
#include "objloc/kernels/emulator/async_engines.h"

#include <algorithm>

namespace objloc::host {

Cluster::EngineWork Cluster::give_out(Engine engine, unsigned warp, const std::vector<Arrival>& givers) {
    const unsigned number = warp * kEngines + static_cast<unsigned>(engine);
    const uint32_t epoch = ++engine_epochs_[number];
    if (epoch > kEpochMask) fault("more asynchronous work in one block than the race check can count");
    engines_used_ = true;
    return {thread_count() + number, epoch, running.checking ? joined(givers) : nullptr};
}

/// The thread knows what the engine did.
void Cluster::teach(Thread& thread, const EngineWork& work) {
    if (!running.checking) return;
    const bool again = taught_ && taught_from_ == thread.known && taught_by_.engine == work.engine &&
                       taught_by_.epoch == work.epoch;
    if (!again) {
        auto clock = thread.known ? std::make_shared<Clock>(*thread.known)
                                  : std::make_shared<Clock>(threads_.size() + engine_epochs_.size(), 0u);
        uint32_t& epoch = (*clock)[work.engine];
        epoch = std::max(epoch, work.epoch);
        taught_from_ = thread.known;
        taught_ = std::move(clock);
        taught_by_ = work;
    }
    thread.known = taught_;
}

void Cluster::fence_for_engines() {
    current_->fenced_for_engines = current_->epoch;
    next_epoch(*current_, current_->epoch + 1);
    update_running(*current_);
}

/// An engine's read of shared memory: as any read, and whoever wrote there must have fenced.
void Cluster::engine_reads(const void* address, size_t bytes) {
    if (!running.checking) return;
    check_access(address, bytes, Access::read);
    const auto judge = [&](uint64_t record, size_t at) {
        const unsigned writer = thread_of(record);
        if (run_of(record) != run_of(running.self) || writer >= thread_count()) return;
        if (epoch_of(record) <= threads_[writer].fenced_for_engines) return;
        fault("an asynchronous read of " + describe(reinterpret_cast<const void*>(kArena + at)) + ", which " +
              describe_thread(writer) + " wrote with no fence_proxy_async after it");
    };
    const size_t begin = arena_offset(address) / 4 * 4;
    for (size_t at = begin; at < arena_offset(address) + bytes; at += 4) {
        const uint64_t record = load(cell_of(at).write);
        if ((record & kSeveralBit) == 0) {
            judge(record, at);
            continue;
        }
        if (run_of(record) != run_of(running.self)) continue;
        for (uint64_t list = record & kListMask; list != 0; list = lists_.node(list).next) {
            judge(lists_.node(list).record, at);
        }
    }
}

void Cluster::require_all_finished() {
    running.caller = nullptr;
    if (!current_->open_stores.empty() || !current_->store_groups.empty()) {
        fault("returned before its stores from shared memory were waited for");
    }
    if (current_->number % kWarpgroup == 0 && !warpgroup().products.empty()) {
        fault("returned before its warpgroup's matrix products were waited for");
    }
}

}  // namespace objloc::host
