// What the parts of the runtime share that stand for engines beside the threads.
#pragma once

#include <cstdint>
#include <utility>

#include "objloc/kernels/emulator/cluster.h"

namespace objloc::host {

/// The 128-byte swizzle: which of eight 16-byte pieces comes first changes from one 128-byte line to the
/// next.
inline uintptr_t swizzled(uintptr_t address) {
    return address ^ (address >> 7 & 7) << 4;
}

/// Judges what `act` touches as the engine's accesses, made with the knowledge of those who gave the work
/// out.
template <typename Do>
void Cluster::as_engine(const EngineWork& work, const Do& act) {
    const uint64_t self = running.self;
    const uint32_t* known = running.known;
    running.self =
        running.run_first | uint64_t{work.epoch} << kEpochShift | uint64_t{work.engine} << kThreadShift;
    running.known = work.known ? work.known->data() : nullptr;
    act();
    running.self = self;
    running.known = known;
}

}  // namespace objloc::host
