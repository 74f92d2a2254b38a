#include "objloc/kernels/emulator/race_detector.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "objloc/kernels/emulator/cluster.h"
#include "objloc/kernels/emulator/fault.h"

// The program's own image, as the linker lays it out: kernels may read constant tables.
extern "C" const char __executable_start[], end[];

namespace objloc::host {

constinit thread_local Running running = {};

void merge(Clock& clock, const Clock& other) {
    for (size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

// ---- Lists of records
// -----------------------------------------------------------------------------------------

void RecordLists::start(uint64_t run) {
    run_ = run << kRunShift;
    nodes_.resize(1);  // number 0 is taken: readers in several blocks
}

uint32_t RecordLists::append(uint64_t record, uint32_t next) {
    nodes_.push_back({record, next});
    return static_cast<uint32_t>(nodes_.size() - 1);
}

bool RecordLists::contains(uint32_t list, uint64_t record) const {
    for (; list != 0; list = nodes_[list].next) {
        if (nodes_[list].record == record) return true;
    }
    return false;
}

uint64_t RecordLists::add(uint64_t list, uint64_t record) {
    Memo& memo = memo_[(list * 31 + (record >> kThreadShift) * 17 + record) % memo_.size()];
    if (memo.list == list && memo.record == record) return memo.result;
    uint32_t number = static_cast<uint32_t>(list & kListMask);
    if ((list & kSeveralBit) == 0) number = append(list, 0);
    if (!contains(number, record)) number = append(record, number);
    memo = {list, record, run_ | kSeveralBit | number};
    return memo.result;
}

namespace {

// ---- Races
// ----------------------------------------------------------------------------------------------------

constexpr uint64_t kManyBlocks = kSeveralBit;  // with the run above and number 0 below

bool is_many_blocks(uint64_t record) {
    return (record & kSeveralBit) != 0 && (record & kListMask) == 0;
}

/// The records of earlier runs and before the last block-wide barrier, lists included.
bool is_over(const Running& now, uint64_t record, uint64_t oldest) {
    if (is_settled(now, record, oldest)) return true;
    return record >= now.run_first && run_of(record) == run_of(now.self) && (record & kSeveralBit) != 0 &&
           (record & kListMask) < now.settled_lists && !is_many_blocks(record);
}

bool is_known(const Running& now, uint64_t record) {
    if (thread_of(record) == thread_of(now.self)) return true;
    if (record - now.run_first <= now.settled_span) return true;
    return now.known != nullptr && now.known[thread_of(record)] >= epoch_of(record);
}

[[noreturn]] void race(const void* address, Access access, bool other_wrote, const std::string& other) {
    const char* mine = access == Access::read    ? "reads "
                       : access == Access::write ? "writes "
                                                 : "atomically changes ";
    running.cluster->fault(
        mine + running.cluster->describe(address) + ", which " + other + (other_wrote ? " wrote" : " read") +
        (other.find("block") != std::string::npos ? " in the same launch" : " with no barrier between"));
}

/// Faults when `record` (a write if `wrote`) and an access with `mine` conflict.
void judge(const void* address, uint64_t record, bool wrote, uint64_t mine, uint64_t oldest, Access access) {
    const Running& now = running;
    if (is_over(now, record, oldest)) return;
    const auto conflicts = [&](uint64_t one) {
        return (one & mine & kBytesMask) != 0 && (one & mine & kAtomicBit) == 0;
    };
    if (is_many_blocks(record)) race(address, access, wrote, "threads of other blocks");
    if (run_of(record) != run_of(now.self)) {
        if ((record & kSeveralBit) != 0 || conflicts(record)) race(address, access, wrote, "another block");
        return;
    }
    if ((record & kSeveralBit) == 0) {
        if (conflicts(record) && !is_known(now, record)) {
            race(address, access, wrote, now.cluster->describe_thread(thread_of(record)));
        }
        return;
    }
    for (uint64_t list = record & kListMask; list != 0; list = now.lists->node(list).next) {
        const uint64_t one = now.lists->node(list).record;
        if (conflicts(one) && !is_known(now, one)) {
            race(address, access, wrote, now.cluster->describe_thread(thread_of(one)));
        }
    }
}

/// `record` with `mine` added, for a word that several threads touch.
uint64_t joined(uint64_t record, uint64_t mine, uint64_t oldest) {
    const Running& now = running;
    const bool covered = (record & kBytesMask & ~mine) == 0;
    if (is_over(now, record, oldest)) return mine;
    if (run_of(record) != run_of(now.self) || is_many_blocks(record)) {
        return now.self >> kRunShift << kRunShift | kManyBlocks;
    }
    if ((record & kSeveralBit) != 0) return now.lists->add(record, mine);
    if (is_own(now, record) && epoch_of(record) == epoch_of(mine)) return mine | (record & kBytesMask);
    if (covered && is_known(now, record)) return mine;
    return now.lists->add(record, mine);
}

void judge_word(const void* address, Cell& cell, uint64_t mine, uint64_t oldest, Access access) {
    const uint64_t write = load(cell.write), read = load(cell.read);
    judge(address, write, true, mine, oldest, access);
    if (access == Access::read) {
        store(cell.read, joined(read, mine, oldest));
        return;
    }
    judge(address, read, false, mine, oldest, access);
    // Another block's write to other bytes of the word gives way: one cell cannot hold both.
    const bool whole = (mine & kBytesMask) == kBytesMask || run_of(write) != run_of(mine);
    store(cell.write, whole ? mine : joined(write, mine, oldest));
    if (whole || is_over(running, read, oldest)) store(cell.read, 0);
}

// ---- Bounds and values never written
// --------------------------------------------------------------------------

bool is_host_memory_for_kernels(const void* address, size_t bytes) {
    const auto within = [&](uintptr_t begin, size_t size) {
        const uintptr_t position = reinterpret_cast<uintptr_t>(address) - begin;
        return position < size && bytes <= size - position;
    };
    const uintptr_t image = reinterpret_cast<uintptr_t>(__executable_start);
    return within(running.stacks, running.stacks_bytes) ||
           within(running.arguments, running.arguments_bytes) ||
           within(image, reinterpret_cast<uintptr_t>(end) - image);
}

std::string deed(Access access, size_t bytes, const std::string& what) {
    return (access == Access::read ? "reads " : "writes ") + std::to_string(bytes) + " bytes at " + what;
}

void judge_states(const void* address, size_t bytes, Access access) {
    uint8_t* states = states_of(arena_offset(address));
    for (size_t i = 0; i < bytes; ++i) {
        const auto where = [&] { return running.cluster->describe(static_cast<const char*>(address) + i); };
        if (states[i] == kNowhere) {
            running.cluster->fault("out of bounds: " + deed(access, bytes, where()));
        }
        if (states[i] == kInFlight) {
            running.cluster->fault(deed(access, bytes, where()) +
                                   ", into which an asynchronous copy is still on its way");
        }
        if (states[i] == kNeverWritten && access != Access::write) {
            running.cluster->fault(deed(access, bytes, where()) + ", which was never written");
        }
    }
    if (access != Access::read) std::memset(states, kWritten, bytes);
}

// ---- Host code
// --------------------------------------------------------------------------------------------------

std::atomic<const void*> host_fault = nullptr;

}  // namespace

std::string take_host_fault() {
    const void* caller = host_fault.exchange(nullptr);
    return caller == nullptr ? "" : "host code follows a pointer to device memory" + source_line(caller);
}

void check_access(const void* address, size_t bytes, Access access) {
    const Running& now = running;
    const size_t offset = arena_offset(address);
    if (bytes == 0) return;
    if (!now.checking) {
        if (now.cluster == nullptr && offset < kArenaBytes) host_fault = now.caller;
        return;
    }
    if (offset >= kArenaBytes) {
        if (is_host_memory_for_kernels(address, bytes)) return;
        now.cluster->fault("out of bounds: " + deed(access, bytes, now.cluster->describe(address)));
    }
    judge_states(address, bytes, access);
    const uint64_t oldest = offset < kSharedRegion ? now.run_first : now.launch_first;
    for (size_t at = offset; at < offset + bytes; at = at / 4 * 4 + 4) {
        uint64_t mask = kBytesMask << at % 4 & kBytesMask;
        if (offset + bytes - at / 4 * 4 < 4) mask &= (uint64_t{1} << (offset + bytes - at / 4 * 4)) - 1;
        const uint64_t mine = now.self | mask | (access == Access::atomic ? kAtomicBit : 0);
        judge_word(reinterpret_cast<const void*>(kArena + at), cell_of(at), mine, oldest, access);
    }
}

void check_slowly(const void* address, size_t bytes, Access access, const void* caller) {
    running.caller = caller;
    if (running.checking && in_arena(address) && arena_offset(address) % bytes != 0) {
        running.cluster->fault("misaligned: " + deed(access, bytes, running.cluster->describe(address)));
    }
    check_access(address, bytes, access);
}

void start_copy_in(void* address, size_t bytes) {
    if (!running.checking) return;
    check_access(address, bytes, Access::write);
    std::memset(states_of(arena_offset(address)), kInFlight, bytes);
}

void finish_copy_in(void* address, size_t bytes, bool waited) {
    std::memset(states_of(arena_offset(address)), kWritten, bytes);
    if (waited && running.checking) check_access(address, bytes, Access::write);
}

}  // namespace objloc::host
