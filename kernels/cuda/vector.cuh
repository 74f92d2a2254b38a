// Four floats moved at once (16 bytes, the widest access there is) where alignment allows, and the index
// arithmetic that every launcher needs.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "engine/error.h"
#include "kernels/cuda/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

struct alignas(16) Float4 {
    float lane[4];
};
struct alignas(4) Byte4 {
    uint8_t lane[4];
};

/// The four values at `from`; those at and after `count` are 0. `vector` promises 16-byte alignment, and that
/// `count` is 0 or at least 4.
__device__ inline Float4 load4(const float* from, int count, bool vector) {
    Float4 result = {{0, 0, 0, 0}};
    if (vector) {
        if (count > 0) result = *reinterpret_cast<const Float4*>(from);
        return result;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        if (j < count) result.lane[j] = from[j];
    }
    return result;
}

/// Writes the first `count` of a vector's four values, under the same promise.
template <typename T, typename Vector>
__device__ void store4(T* to, const Vector& value, int count, bool vector) {
    if (vector) {
        if (count > 0) *reinterpret_cast<Vector*>(to) = value;
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        if (j < count) to[j] = value.lane[j];
    }
}

/// Whether rows of `extent` elements from `pointer` on may be moved four at a time. Null counts as aligned.
template <typename T>
bool moves_by_four(const T* pointer, int64_t extent) {
    return extent % 4 == 0 && reinterpret_cast<uintptr_t>(pointer) % (4 * sizeof(T)) == 0;
}

/// An array's extent out of an int template argument, which g++ does not convert without a word.
__host__ __device__ constexpr size_t extent(int count) {
    return static_cast<size_t>(count);
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
