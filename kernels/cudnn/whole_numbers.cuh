// Small whole numbers to try convolutions on: their sums are exact in fp32 in any order, so implementations
// that are right agree.
#pragma once

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// A tensor of -2, -1, 1 and 2, scattered, in another way for each `seed`; f32 or bf16. No zero, which would
/// hide what it is multiplied by.
Tensor whole_numbers(CudaBackend& backend, const Shape& shape, DType type, uint32_t seed);

/// Whether all elements of two tensors of one shape and type are the same, but for the rounding of large ones
/// to bf16, twice. Waits for the GPU.
bool whole_numbers_agree(CudaBackend& backend, const Tensor& a, const Tensor& b);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
