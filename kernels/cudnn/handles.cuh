// The handles and descriptors of cuDNN and cuBLAS, owned; and the one way their calls are checked.
#pragma once

#include <cublas_v2.h>
#include <cudnn.h>

#include "kernels/cuda/handles.cuh"

namespace objloc::cuda {

/// Throw Error unless `status` is success: `what` was tried, the library's words, and its last message.
void check_cudnn(cudnnStatus_t status, const char* what);
void check_cublas(cublasStatus_t status, const char* what);

using Cudnn = Owned<cudnnHandle_t, cudnnDestroy>;
using Cublas = Owned<cublasHandle_t, cublasDestroy>;
using TensorDescriptor = Owned<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Owned<cudnnFilterDescriptor_t, cudnnDestroyFilterDescriptor>;
using ConvolutionDescriptor = Owned<cudnnConvolutionDescriptor_t, cudnnDestroyConvolutionDescriptor>;

Cudnn make_cudnn(cudaStream_t stream);
Cublas make_cublas(cudaStream_t stream);

}  // namespace objloc::cuda
