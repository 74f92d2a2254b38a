// bfloat16 as cuda_bf16.h names it: the upper half of a float, rounded to nearest even.
#pragma once

#include <cstdint>
#include <cstring>

#include "objloc/kernels/emulator/cuda_types.h"

namespace objloc::cuda_host {

struct __nv_bfloat16 {
    uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

inline __nv_bfloat16 __float2bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    if (value != value) return {0x7FFF};  // the device's one NaN
    bits += 0x7FFF + (bits >> 16 & 1);
    return {static_cast<uint16_t>(bits >> 16)};
}
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
    return __float2bfloat16(value);
}
inline float __bfloat162float(__nv_bfloat16 value) {
    const uint32_t bits = uint32_t{value.bits} << 16;
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
    return {__float2bfloat16(x), __float2bfloat16(y)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 value) {
    return {__bfloat162float(value.x), __bfloat162float(value.y)};
}

}  // namespace objloc::cuda_host
