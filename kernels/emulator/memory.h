// The device's memory: one reserved range of addresses with two shadows, so that what is known about an
// address lies at a fixed linear distance from it and a check needs no look-up.
//
//     arena    | shared-memory windows, some per CPU thread | device allocations with gaps between |
//     states   one byte per byte: allocated? written?
//     cells    16 bytes per 4-byte word: who wrote and read it last
//
// Pages cost memory only once touched. With checks off the shadows stay untouched except by allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace objloc::host {

constexpr uintptr_t kArena = uintptr_t{1}
                             << 45;  // free in Linux's address space on x86-64, ASan's layout too
constexpr size_t kArenaBytes = size_t{1} << 34;
constexpr uintptr_t kStates = kArena + kArenaBytes;
constexpr uintptr_t kCells = kStates + kArenaBytes;
constexpr size_t kCellBytesPerByte = 4;

constexpr size_t kMaxWorkers = 64;
constexpr size_t kSharedWindow = size_t{1}
                                 << 18;  // a block's shared memory: at most 227 KiB on any GPU so far
constexpr size_t kMaxSharedBytes = 227 * 1024;
constexpr size_t kMaxCluster = 8;  // blocks: as many as every GPU with clusters takes
constexpr size_t kSharedRegion = kMaxWorkers * kMaxCluster * kSharedWindow;

/// What is known about a byte. Everything that is not kWritten needs a closer look.
enum State : uint8_t { kNowhere = 0, kNeverWritten = 1, kWritten = 2, kInFlight = 3 };

/// The last write and the reads since then of one 4-byte word; access.h says how.
struct Cell {
    uint64_t write, read;
};

inline size_t arena_offset(const void* address) {
    return reinterpret_cast<uintptr_t>(address) - kArena;  // beyond kArenaBytes: no address of the arena
}
inline bool in_arena(const void* address) {
    return arena_offset(address) < kArenaBytes;
}
inline uint8_t* states_of(size_t offset) {
    return reinterpret_cast<uint8_t*>(kStates + offset);
}
inline Cell& cell_of(size_t offset) {
    return reinterpret_cast<Cell*>(kCells)[offset / 4];
}
/// The first of a worker's windows, one behind the other for the blocks of a cluster.
inline unsigned char* shared_windows(size_t worker) {
    return reinterpret_cast<unsigned char*>(kArena + worker * kMaxCluster * kSharedWindow);
}

/// Reserves the ranges, once; throws Error where the system refuses.
void reserve_arena();

/// Device memory, aligned to 256 bytes, at least 256 unusable bytes after it. Addresses are not used again
/// before the whole range has been handed out, so that a stale pointer meets freed memory. Throws Error when
/// full.
void* allocate_device(size_t bytes);
/// Throws Error when `block` is no live allocation.
void release_device(void* block);
size_t device_bytes_in_use();

/// Throws Error unless all `bytes` lie in one live allocation. `use` names the caller: "cudaMemcpyAsync".
void require_device_range(const void* address, size_t bytes, const char* use);
void mark_written(void* address, size_t bytes);
/// The destination of a copy on the device knows as much as its source did.
void copy_states(void* to, const void* from, size_t bytes);
/// Position of the first byte that was never written, or `bytes`.
size_t first_unwritten(const void* address, size_t bytes);

/// Forgets who touched what: for when the numbers of runs (access.h) start again.
void clear_cells();

/// "12 bytes past the end of an allocation of 64 bytes": an address in words. `shared_bytes`: size of the
/// shared memory of each of the running cluster's `blocks`, whose windows begin at `shared`.
std::string describe_address(const void* address, const void* shared, unsigned blocks, size_t shared_bytes);

}  // namespace objloc::host
