// Philox4x32-10: the one source of randomness. Counter based, so image 17 of stream 0 under seed 5 is the
// same image on every backend, in any batch order, after any resume, on any number of threads. Source:
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <cstdint>

#include "objloc/engine/host_device.h"

namespace objloc {

/// Four random 32-bit words.
struct Philox4 {
    uint32_t word[4];
};

/// The bijection itself: 128-bit counter, 64-bit key, ten rounds.
OBJLOC_HOST_DEVICE inline Philox4 philox4x32_10(Philox4 counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t product0 = uint64_t{0xD2511F53u} * counter.word[0];
        const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter.word[2];
        const uint32_t high0 = static_cast<uint32_t>(product0 >> 32), low0 = static_cast<uint32_t>(product0);
        const uint32_t high1 = static_cast<uint32_t>(product1 >> 32), low1 = static_cast<uint32_t>(product1);
        counter = {{high1 ^ counter.word[1] ^ key0, low1, high0 ^ counter.word[3] ^ key1, low0}};
        key0 += 0x9E3779B9u;  // Weyl sequence: the golden ratio
        key1 += 0xBB67AE85u;  // and sqrt(3) - 1
    }
    return counter;
}

/// The random words that belong to (seed, stream, index); `block` counts further groups of four words.
OBJLOC_HOST_DEVICE inline Philox4 philox_at(uint64_t seed, uint32_t stream, uint64_t index, uint32_t block) {
    const Philox4 counter = {
        {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), block, stream}};
    return philox4x32_10(counter, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

/// A 32-bit word to an integer in [low, high), end-exclusive as numpy's randint. The multiply-shift's bias is
/// below (high - low) / 2^32.
OBJLOC_HOST_DEVICE inline int32_t randint(uint32_t word, int32_t low, int32_t high) {
    return low + static_cast<int32_t>((uint64_t{word} * static_cast<uint32_t>(high - low)) >> 32);
}

/// A 32-bit word to a float in [0, 1), with 24 random bits.
OBJLOC_HOST_DEVICE inline float uniform01(uint32_t word) {
    return static_cast<float>(word >> 8) * 0x1p-24f;
}

}  // namespace objloc
