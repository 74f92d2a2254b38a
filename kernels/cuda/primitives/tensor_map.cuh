// Tensor maps: what the copy engine of Hopper and later (TMA) needs to know of a tensor, to fetch boxes of it
// by coordinates. Outside the tensor it fetches zeros, which is a convolution's padding. Made on the host,
// handed to kernels as a `const __grid_constant__ TensorMap` parameter. Reference: CUDA Driver API, "Tensor
// Map Object Management".
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

#if !defined(OBJLOC_CUDA_ON_HOST)
#include <cuda.h>
#endif

namespace objloc::OBJLOC_CUDA_NAMESPACE {

#if !defined(OBJLOC_CUDA_ON_HOST)
using TensorMap = CUtensorMap;
#endif

/// `tf32`: floats that are rounded to tf32 on their way to shared memory.
enum class TensorElement { f32, tf32, bf16, u8 };

constexpr int64_t element_bytes(TensorElement element) {
    return element == TensorElement::u8 ? 1 : element == TensorElement::bf16 ? 2 : 4;
}

/// One dimension of a tensor and of the boxes that are fetched from it.
struct TensorDimension {
    int64_t size;
    int64_t stride;  // elements; 1 for the innermost
    int box;         // at most 256
};

/// The map of a dense part of device memory; dimensions innermost first, 2 to 5 of them. With `swizzle` a box
/// is 128 bytes wide, and shared memory holds it with the 16-byte pieces of each 128-byte line exchanged
/// (piece p of line l lies at p ^ (l % 8)), so that columns are read without bank conflicts. Throws Error
/// when CUDA refuses.
inline TensorMap make_tensor_map(const void* base, TensorElement element, bool swizzle,
                                 std::initializer_list<TensorDimension> dimensions) {
    constexpr size_t kMost = 5;
    const int64_t bytes = element_bytes(element);
    const auto require = [](bool fine, const char* failure) {
        if (!fine) throw Error("tensor map", failure);
    };
    require(dimensions.size() >= 2 && dimensions.size() <= kMost, "2 to 5 dimensions are possible");
    require(reinterpret_cast<uintptr_t>(base) % 16 == 0, "the tensor must be aligned to 16 bytes");
    require(dimensions.begin()->stride == 1, "the innermost dimension must be dense");
    for (const TensorDimension& d : dimensions) {
        require(d.box >= 1 && d.box <= 256, "a box has 1 to 256 elements in each dimension");
        require(d.stride == 1 || d.stride * bytes % 16 == 0, "strides must be multiples of 16 bytes");
    }
    require(dimensions.begin()->box * bytes % 16 == 0, "a box's width must be a multiple of 16 bytes");
    require(!swizzle || dimensions.begin()->box * bytes == 128, "a swizzled box is 128 bytes wide");
#if defined(OBJLOC_CUDA_ON_HOST)
    TensorMap map = {
        static_cast<const unsigned char*>(base), static_cast<int>(dimensions.size()), {}, {}, {}, swizzle,
        element == TensorElement::tf32};
    size_t i = 0;
    for (const TensorDimension& d : dimensions) {
        map.size[i] = d.size;
        map.stride[i] = d.stride * bytes;
        map.box[i] = d.box;
        ++i;
    }
    return map;
#else
    // The driver's function is asked for at run time, so that programs start where there is no driver.
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    constexpr unsigned kSince = 12000;
    const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, kSince,
                                                                cudaEnableDefault, &found);
    require(status == cudaSuccess && found == cudaDriverEntryPointSuccess, "the driver cannot make one");
    uint64_t sizes[kMost], strides[kMost];  // strides in bytes, without the innermost
    uint32_t boxes[kMost], steps[kMost];
    uint32_t count = 0;
    for (const TensorDimension& d : dimensions) {
        sizes[count] = static_cast<uint64_t>(d.size);
        if (count > 0) strides[count - 1] = static_cast<uint64_t>(d.stride * bytes);
        boxes[count] = static_cast<uint32_t>(d.box);
        steps[count] = 1;
        ++count;
    }
    constexpr CUtensorMapDataType kTypes[] = {
        CU_TENSOR_MAP_DATA_TYPE_FLOAT32, CU_TENSOR_MAP_DATA_TYPE_TFLOAT32, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
        CU_TENSOR_MAP_DATA_TYPE_UINT8};
    TensorMap map;
    const CUresult result = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function)(
        &map, kTypes[static_cast<int>(element)], count, const_cast<void*>(base), sizes, strides, boxes, steps,
        CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
        CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    require(result == CUDA_SUCCESS, "CUDA refused it");
    return map;
#endif
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
