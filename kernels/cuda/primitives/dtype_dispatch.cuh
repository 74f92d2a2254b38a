// From a tensor's element type, known when the program runs, to a kernel's, known when it is compiled.
#pragma once

#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Calls `run` with an element of the tensor's type, for it to take the type from: float or bf16.
template <typename Run>
void dispatch_dtype(const Tensor& tensor, const Run& run) {
    if (tensor.type() == DType::bf16) {
        run(__nv_bfloat16{});
    } else {
        run(float{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
