// Several elements moved at once (16 bytes are the widest access there is) where alignment allows, and the
// index arithmetic that every launcher needs. Kernels compute in f32 whatever memory holds: load_pack widens
// bf16, store_pack rounds to it.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// An array's extent out of an int template argument, which g++ does not convert without a word.
__host__ __device__ constexpr size_t extent(int count) {
    return static_cast<size_t>(count);
}

/// Elements that move together, in accesses of up to 16 bytes; `kLanes` is a power of two.
template <typename T, int kLanes>
struct alignas(kLanes * sizeof(T) < 16 ? kLanes * sizeof(T) : 16) Pack {
    T lane[extent(kLanes)];
};
template <typename T>
using Four = Pack<T, 4>;
using Float4 = Four<float>;
using Byte4 = Four<uint8_t>;

/// How many T one access of 16 bytes holds.
template <typename T>
constexpr int kWidest = static_cast<int>(16 / sizeof(T));

__device__ inline float widened(float value) {
    return value;
}
__device__ inline float widened(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

/// Rounds to nearest, ties to even.
__device__ inline void narrow(float value, float& to) {
    to = value;
}
__device__ inline void narrow(float value, __nv_bfloat16& to) {
    to = __float2bfloat16_rn(value);
}

/// Two floats as bf16 in one register, the first in the lower half.
__device__ inline uint32_t pack_bf16(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    uint32_t word;
    memcpy(&word, &pair, sizeof(word));
    return word;
}

/// The values at `from`; those at and after `count` are 0. `vector` promises that all of them lie together,
/// aligned as a Pack, and that `count` is 0 or at least kLanes.
template <int kLanes, typename T>
__device__ Pack<float, kLanes> load_pack(const T* from, int count, bool vector) {
    Pack<float, kLanes> result = {};
    if (vector) {
        if (count <= 0) return result;
        const auto pack = *reinterpret_cast<const Pack<T, kLanes>*>(from);
#pragma unroll
        for (int j = 0; j < kLanes; ++j) result.lane[j] = widened(pack.lane[j]);
        return result;
    }
#pragma unroll
    for (int j = 0; j < kLanes; ++j) {
        if (j < count) result.lane[j] = widened(from[j]);
    }
    return result;
}

/// Writes the first `count` values, under the same promise.
template <typename T, int kLanes>
__device__ void store_pack(T* to, const Pack<T, kLanes>& value, int count, bool vector) {
    if (vector) {
        if (count > 0) *reinterpret_cast<Pack<T, kLanes>*>(to) = value;
        return;
    }
#pragma unroll
    for (int j = 0; j < kLanes; ++j) {
        if (j < count) to[j] = value.lane[j];
    }
}

/// The same, rounded to nearest, ties to even.
template <int kLanes>
__device__ void store_pack(__nv_bfloat16* to, const Pack<float, kLanes>& value, int count, bool vector) {
    Pack<__nv_bfloat16, kLanes> rounded;
#pragma unroll
    for (int j = 0; j < kLanes; ++j) narrow(value.lane[j], rounded.lane[j]);
    if constexpr (sizeof(rounded) == sizeof(uint64_t)) {
        if (vector) {  // as one number: nvcc may take four halves apart and write each on its own
            uint64_t bits;
            std::memcpy(&bits, &rounded, sizeof(bits));
            if (count > 0) *reinterpret_cast<uint64_t*>(to) = bits;
            return;
        }
    }
    store_pack<__nv_bfloat16, kLanes>(to, rounded, count, vector);
}

template <typename T>
__device__ Float4 load4(const T* from, int count, bool vector) {
    return load_pack<4>(from, count, vector);
}

template <typename T, typename Value>
__device__ void store4(T* to, const Four<Value>& value, int count, bool vector) {
    store_pack(to, value, count, vector);
}

/// Whether rows of `extent` elements from `pointer` on may be moved kLanes at a time. Null counts as aligned.
template <int kLanes, typename T>
bool moves_by(const T* pointer, int64_t extent) {
    return extent % kLanes == 0 && reinterpret_cast<uintptr_t>(pointer) % alignof(Pack<T, kLanes>) == 0;
}

template <typename T>
bool moves_by_four(const T* pointer, int64_t extent) {
    return moves_by<4>(pointer, extent);
}

/// Neither infinite nor NaN; std's function is not for kernels.
__device__ inline bool is_finite(double x) {
    return x - x == 0;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/// Kernels index rows, pixels and blocks with 32 bits (a 64-bit division costs some 100 instructions) and
/// form addresses with 64. This is where the 32 bits are proven to suffice; the margin is for the rows of a
/// last tile that lie beyond the end.
inline int to_int32(int64_t count, const char* what) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max() - 4096;
    if (count <= kMost) return static_cast<int>(count);
    throw Error("cuda", std::to_string(count) + " " + what + " are more than a kernel can index",
                "Use a smaller --batch.");
}

/// Enough blocks of `per_block` for `count`.
inline dim3 blocks_for(int64_t count, int64_t per_block) {
    return dim3(static_cast<unsigned>(to_int32(ceil_div(count, per_block), "blocks")));
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
