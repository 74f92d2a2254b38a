// The handles of cuDNN and cuBLAS, owned; and the one way their calls are checked.
#pragma once

#include <cublas_v2.h>
#include <cudnn.h>

#include "objloc/kernels/cuda/runtime/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Throw Error unless `status` is success: `what` was tried, perhaps with `object`, the library's words, and
/// its last message.
void check_cudnn(cudnnStatus_t status, const char* what, const char* object = nullptr);
void check_cublas(cublasStatus_t status, const char* what);

using Cudnn = Owned<cudnnHandle_t, cudnnDestroy>;
using Cublas = Owned<cublasHandle_t, cublasDestroy>;

Cudnn make_cudnn(cudaStream_t stream);
Cublas make_cublas(cudaStream_t stream);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
