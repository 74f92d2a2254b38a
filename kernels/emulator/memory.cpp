#include "objloc/kernels/emulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "objloc/engine/error.h"

namespace objloc::host {
namespace {

constexpr size_t kAlignment = 256;

struct Allocation {
    size_t bytes;
    bool live;
};

std::mutex mutex;
std::map<size_t, Allocation> allocations;  // by offset; freed ones stay until their addresses are used again
size_t cursor = kSharedRegion, in_use = 0;

size_t padded(size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment;  // with the gap after it
}

void reserve(uintptr_t begin, size_t bytes) {
    void* wanted = reinterpret_cast<void*>(begin);
    void* got = mmap(wanted, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == wanted) return;
    const std::string reason = got == MAP_FAILED ? std::strerror(errno) : "the range is taken";
    throw Error(
        "host runtime", "cannot reserve " + std::to_string(bytes >> 30) + " GiB of addresses: " + reason,
        "Only addresses are reserved, not memory: lift `ulimit -v`, or set vm.overcommit_memory to 0 or 1.");
}

/// Gives pages back; they read as zero afterwards, which is kNowhere and "nobody" in the shadows.
void drop(uintptr_t begin, size_t bytes) {
    constexpr uintptr_t kPage = 4096;
    const uintptr_t first = (begin + kPage - 1) / kPage * kPage, last = (begin + bytes) / kPage * kPage;
    if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

/// The first free range of `bytes` at or after `from`; kArenaBytes when there is none. Freed allocations in
/// the way are forgotten.
size_t find_free(size_t from, size_t bytes) {
    size_t begin = from;
    auto next = allocations.lower_bound(from);
    while (next != allocations.end() && next->first < begin + bytes) {
        if (next->second.live) {
            begin = next->first + padded(next->second.bytes);
            ++next;
        } else {
            next = allocations.erase(next);
        }
    }
    return begin + bytes <= kArenaBytes ? begin : kArenaBytes;
}

/// The live or freed allocation at or before `offset`, else end().
std::map<size_t, Allocation>::const_iterator before(size_t offset) {
    const auto after = allocations.upper_bound(offset);
    return after == allocations.begin() ? allocations.end() : std::prev(after);
}

}  // namespace

void reserve_arena() {
    static const bool done = [] {
        reserve(kArena, kArenaBytes * (2 + kCellBytesPerByte));
        return true;
    }();
    static_cast<void>(done);
}

void* allocate_device(size_t bytes) {
    reserve_arena();
    std::lock_guard lock(mutex);
    const size_t size = padded(bytes);
    size_t offset = size <= kArenaBytes ? find_free(cursor, size) : kArenaBytes;
    if (offset == kArenaBytes && size <= kArenaBytes) offset = find_free(kSharedRegion, size);
    if (offset == kArenaBytes) {
        throw Error("host runtime", "out of device memory: " + std::to_string(bytes) + " bytes asked, " +
                                        std::to_string(in_use) + " of " + std::to_string(kArenaBytes) +
                                        " in use");
    }
    allocations[offset] = {bytes, true};
    in_use += bytes;
    cursor = offset + size;
    std::memset(states_of(offset), kNeverWritten, bytes);
    return reinterpret_cast<void*>(kArena + offset);
}

void release_device(void* block) {
    std::lock_guard lock(mutex);
    const size_t offset = arena_offset(block);
    const auto found = allocations.find(offset);
    if (found == allocations.end() || !found->second.live) {
        throw Error("cudaFree", "the pointer is no live allocation");
    }
    const size_t bytes = found->second.bytes;
    found->second.live = false;
    in_use -= bytes;
    std::memset(states_of(offset), kNowhere, bytes);
    drop(kArena + offset, bytes);
    drop(kStates + offset, bytes);
    drop(kCells + offset * kCellBytesPerByte, bytes * kCellBytesPerByte);
}

size_t device_bytes_in_use() {
    std::lock_guard lock(mutex);
    return in_use;
}

void require_device_range(const void* address, size_t bytes, const char* use) {
    std::lock_guard lock(mutex);
    const size_t offset = arena_offset(address);
    const auto found = offset < kArenaBytes ? before(offset) : allocations.end();
    if (found != allocations.end() && found->second.live &&
        offset + bytes <= found->first + found->second.bytes) {
        return;
    }
    throw Error(use, std::to_string(bytes) + " bytes of device memory do not lie in one live allocation");
}

void mark_written(void* address, size_t bytes) {
    std::memset(states_of(arena_offset(address)), kWritten, bytes);
}

void copy_states(void* to, const void* from, size_t bytes) {
    std::memmove(states_of(arena_offset(to)), states_of(arena_offset(from)), bytes);
}

size_t first_unwritten(const void* address, size_t bytes) {
    const uint8_t* states = states_of(arena_offset(address));
    return static_cast<size_t>(std::find(states, states + bytes, kNeverWritten) - states);
}

void clear_cells() {
    madvise(reinterpret_cast<void*>(kCells), kArenaBytes * kCellBytesPerByte, MADV_DONTNEED);
}

std::string describe_address(const void* address, const void* shared, unsigned blocks, size_t shared_bytes) {
    if (address == nullptr) return "a null pointer";
    if (!in_arena(address)) return "memory of the host";
    const size_t offset = arena_offset(address);
    if (offset < kSharedRegion) {
        const auto position = static_cast<const char*>(address) - static_cast<const char*>(shared);
        constexpr auto kWindow = static_cast<std::ptrdiff_t>(kSharedWindow);
        const std::string whose = blocks == 1
                                      ? "the block's "
                                      : "the cluster's block " + std::to_string(position / kWindow) + "'s ";
        return "byte " + std::to_string(blocks == 1 ? position : position % kWindow) + " of " + whose +
               std::to_string(shared_bytes) + " bytes of shared memory";
    }
    std::lock_guard lock(mutex);
    const auto found = before(offset);
    const auto after = allocations.upper_bound(offset);
    if (after != allocations.end() && after->second.live && after->first - offset <= kAlignment / 2) {
        return std::to_string(after->first - offset) + " bytes before an allocation of " +
               std::to_string(after->second.bytes) + " bytes";
    }
    if (found == allocations.end()) return "device memory that was never allocated";
    const size_t position = offset - found->first, bytes = found->second.bytes;
    const std::string kind = found->second.live ? "an allocation of " : "a freed allocation of ";
    if (position < bytes)
        return "byte " + std::to_string(position) + " of " + kind + std::to_string(bytes) + " bytes";
    return std::to_string(position - bytes) + " bytes past the end of " + kind + std::to_string(bytes) +
           " bytes";
}

}  // namespace objloc::host
