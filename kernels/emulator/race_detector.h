// Judges each access of a kernel to device or shared memory: is it inside, was it written, does it race?
//
// Races are found by happens-before, not by luck. Each CUDA thread counts epochs; a barrier ends one. A
// thread "knows" epoch e of another once a chain of barriers leads from there to here. A word's cell
// remembers who wrote it last and who read it since. An access conflicts with what the cell remembers if one
// of the two writes, they share a byte, and the thread does not know the other's epoch. (The idea is that of
// FastTrack: Flanagan, Freund, PLDI 2009, and of ThreadSanitizer's shadow cells.)
//
// A record, 64 bits, ordered so that age is one comparison:
//     run 27 | several 1 | epoch 18 | thread 13 | atomic 1 | bytes of the word 4
// A run is one block's execution. Runs are numbered through all launches, so all records of earlier launches
// are smaller than the launch's first run, and no cell ever needs clearing. With `several` set the lower bits
// name a list of records (RecordLists), or 0: readers in several blocks.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "objloc/kernels/emulator/memory.h"

namespace objloc::host {

constexpr unsigned kAtomicShift = 4, kThreadShift = 5, kEpochShift = 18, kSeveralShift = 36, kRunShift = 37;
constexpr uint64_t kBytesMask = 15, kAtomicBit = uint64_t{1} << kAtomicShift;
constexpr uint64_t kThreadMask = (uint64_t{1} << (kEpochShift - kThreadShift)) - 1;
constexpr uint64_t kEpochMask = (uint64_t{1} << (kSeveralShift - kEpochShift)) - 1;
constexpr uint64_t kSeveralBit = uint64_t{1} << kSeveralShift;
constexpr uint64_t kListMask = kSeveralBit - 1;
// Engines count their epochs from here on: barriers of the whole block, which settle all lower ones, do not
// settle what still runs beside the threads.
constexpr uint32_t kFirstEngineEpoch = uint32_t{1} << 17;
constexpr uint64_t kRuns = uint64_t{1} << (64 - kRunShift);

inline uint64_t run_of(uint64_t record) {
    return record >> kRunShift;
}
inline unsigned thread_of(uint64_t record) {
    return static_cast<unsigned>(record >> kThreadShift & kThreadMask);
}
inline uint32_t epoch_of(uint64_t record) {
    return static_cast<uint32_t>(record >> kEpochShift & kEpochMask);
}

/// What a thread knows of the others, and of the engines that work beside them (cluster.h), beyond the last
/// block-wide barrier: the last epoch of each that is ordered before it. Shared by all threads that met in a
/// barrier; null: nothing.
using Clock = std::vector<uint32_t>;
void merge(Clock& clock, const Clock& other);

/// Sets of records, as lists that share their tails: who reads a word is mostly the same for its neighbours.
class RecordLists {
  public:
    /// The list `list` (a `several` record, or a single one) with `record` added.
    uint64_t add(uint64_t list, uint64_t record);
    /// A list's records, for a walk: { record, next list or 0 }.
    struct Node {
        uint64_t record;
        uint32_t next;
    };
    const Node& node(uint64_t list) const { return nodes_[list & kListMask]; }
    uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
    /// Forgets all; `run` is the next owner.
    void start(uint64_t run);

  private:
    struct Memo {
        uint64_t list = 0, record = 0, result = 0;
    };
    uint32_t append(uint64_t record, uint32_t next);
    bool contains(uint32_t list, uint64_t record) const;

    uint64_t run_ = 0;
    std::vector<Node> nodes_;
    std::array<Memo, 4096> memo_;
};

class Cluster;

/// What the checks need to know of the CUDA thread that this CPU thread is running.
struct Running {
    bool checking;          // false in host code, and with checks off
    uint64_t self;          // run | epoch | thread: a record of this thread, now, without bytes
    uint64_t launch_first;  // the least record of this launch
    uint64_t run_first;     // the least record of this run
    uint64_t settled_span;  // records in [run_first, run_first + span] lie before the last block-wide barrier
    uint32_t settled_lists;  // lists below this number, too
    const uint32_t* known;   // Clock of the thread, or null
    uintptr_t stacks;        // of this CPU thread's fibers
    size_t stacks_bytes;
    uintptr_t arguments;  // of the kernel
    size_t arguments_bytes;
    RecordLists* lists;
    Cluster* cluster;    // null in host code
    const void* caller;  // the instruction that is being judged
};
extern constinit thread_local Running running __attribute__((tls_model("initial-exec")));

enum class Access { read, write, atomic };

/// Judges an access of any size and alignment. Returns only if there is nothing to say.
void check_access(const void* address, size_t bytes, Access access);

/// Marks the destination of an asynchronous copy: written by this thread, not to be touched until it is
/// finished.
void start_copy_in(void* address, size_t bytes);
/// It is; what was copied counts as written only now if this thread `waited` for it, else when it was
/// started.
void finish_copy_in(void* address, size_t bytes, bool waited);

/// Host code that kernels' source files hold followed a pointer to device memory: the first such place, as
/// text, or empty. Reading it clears it.
std::string take_host_fault();

// ---- The quick way, for the accesses that compilers make
// ----------------------------------------------------

void check_slowly(const void* address, size_t bytes, Access access, const void* caller);

/// Nothing to say about `record`, the commonest reason first: from an earlier launch or run, before the last
/// block-wide barrier, or this thread's own.
inline bool is_settled(const Running& now, uint64_t record, uint64_t oldest) {
    return record < oldest || record - now.run_first <= now.settled_span;
}
inline bool is_own(const Running& now, uint64_t record) {
    constexpr uint64_t kOwner = ~((kEpochMask << kEpochShift) | kAtomicBit | kBytesMask);
    return ((record ^ now.self) & kOwner) == 0;
}

/// Cells are shared by CPU threads that run blocks of one launch. Relaxed: a lost update can only hide a race
/// between blocks.
inline uint64_t load(const uint64_t& record) {
    return __atomic_load_n(&record, __ATOMIC_RELAXED);
}
inline void store(uint64_t& record, uint64_t value) {
    __atomic_store_n(&record, value, __ATOMIC_RELAXED);
}

/// True when the read of (part of) one word is fine and noted.
inline bool note_read(const Running& now, Cell& cell, uint64_t mine, uint64_t oldest) {
    const uint64_t read = load(cell.read);
    if (read == mine) return true;
    const uint64_t write = load(cell.write);
    if (!is_settled(now, write, oldest) && !is_own(now, write)) return false;
    if (!is_settled(now, read, oldest) && !(is_own(now, read) && ((read ^ mine) & kBytesMask) == 0))
        return false;
    store(cell.read, mine);
    return true;
}

inline bool note_write(const Running& now, Cell& cell, uint64_t mine, uint64_t oldest) {
    const uint64_t write = load(cell.write), read = load(cell.read);
    if (!is_settled(now, write, oldest) && !(is_own(now, write) && ((write ^ mine) & kBytesMask) == 0)) {
        return false;
    }
    if (!is_settled(now, read, oldest) && !(is_own(now, read) && ((read ^ mine) & kBytesMask) == 0))
        return false;
    store(cell.write, mine);
    if (read != 0) store(cell.read, 0);
    return true;
}

template <typename Word, bool kWrite>
inline bool pass_states(uint8_t* states) {
    constexpr Word kAllWritten = static_cast<Word>(0x0101010101010101u * uint64_t{kWritten});
    constexpr Word kAllFresh = static_cast<Word>(0x0101010101010101u * uint64_t{kNeverWritten});
    Word word;
    __builtin_memcpy(&word, states, sizeof(word));
    if (word == kAllWritten) return true;
    if (!kWrite || word != kAllFresh) return false;
    __builtin_memcpy(states, &kAllWritten, sizeof(word));
    return true;
}

/// True when all bytes were written, or are allocated and are written now.
template <size_t kBytes, bool kWrite>
inline bool pass_states(size_t offset) {
    uint8_t* states = states_of(offset);
    if constexpr (kBytes == 1) return pass_states<uint8_t, kWrite>(states);
    if constexpr (kBytes == 2) return pass_states<uint16_t, kWrite>(states);
    if constexpr (kBytes == 4) return pass_states<uint32_t, kWrite>(states);
    if constexpr (kBytes == 8) return pass_states<uint64_t, kWrite>(states);
    if constexpr (kBytes == 16) {
        return pass_states<uint64_t, kWrite>(states) && pass_states<uint64_t, kWrite>(states + 8);
    }
}

/// An access of 1, 2, 4, 8 or 16 bytes that the compiler takes to be aligned.
template <size_t kBytes, bool kWrite>
inline void check_aligned(const void* address, const void* caller) {
    const Running& now = running;
    const size_t offset = arena_offset(address);
    if (!now.checking) {
        if (now.cluster != nullptr || offset >= kArenaBytes) return;
    } else if (offset >= kArenaBytes) {
        if (reinterpret_cast<uintptr_t>(address) - now.stacks < now.stacks_bytes) return;
    } else if (offset % kBytes == 0 && pass_states<kBytes, kWrite>(offset)) {
        const uint64_t oldest = offset < kSharedRegion ? now.run_first : now.launch_first;
        const uint64_t bytes = kBytes >= 4 ? kBytesMask : ((uint64_t{1} << kBytes) - 1) << offset % 4;
        const uint64_t mine = now.self | bytes;
        bool fine = true;
        for (size_t word = 0; word < (kBytes + 3) / 4; ++word) {
            Cell& cell = cell_of(offset + 4 * word);
            fine =
                fine && (kWrite ? note_write(now, cell, mine, oldest) : note_read(now, cell, mine, oldest));
        }
        if (fine) return;
    }
    check_slowly(address, kBytes, kWrite ? Access::write : Access::read, caller);
}

}  // namespace objloc::host
