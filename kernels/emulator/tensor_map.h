// What a tensor map tells the device's copy engine: the host's form of CUtensorMap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace objloc::cuda_host {

/// A tensor in device memory, innermost dimension first, and the box of it that one copy takes.
struct TensorMap {
    static constexpr int kMostDimensions = 5;
    const unsigned char* base;
    int dimensions;
    int64_t size[kMostDimensions];
    int64_t stride[kMostDimensions];  // bytes; of the innermost: an element's
    int box[kMostDimensions];
    bool swizzle;  // 128 bytes
    bool tf32;     // floats are rounded on their way to shared memory
};

}  // namespace objloc::cuda_host
