// How calls of cuDNN and cuBLAS are checked, and their handles made.
#include "objloc/kernels/cudnn/handles.cuh"

#include <string>

#include "objloc/engine/error.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

void check_cudnn(cudnnStatus_t status, const char* what, const char* object) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    char message[512] = "";
    cudnnGetLastErrorString(message, sizeof(message));
    const std::string tried = object == nullptr ? what : std::string(what) + " " + object;
    throw Error("cuDNN", tried + " failed: " + cudnnGetErrorString(status) + ": " + message,
                "--device cuda does the same without cuDNN.");
}

void check_cublas(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw Error("cuBLAS", std::string(what) + " failed: " + cublasGetStatusString(status),
                "--device cuda does the same without cuBLAS.");
}

Cudnn make_cudnn(cudaStream_t stream) {
    cudnnHandle_t handle = nullptr;
    check_cudnn(cudnnCreate(&handle), "starting the library");
    Cudnn owned(handle);
    check_cudnn(cudnnSetStream(handle, stream), "setting the stream");
    return owned;
}

Cublas make_cublas(cudaStream_t stream) {
    cublasHandle_t handle = nullptr;
    check_cublas(cublasCreate(&handle), "starting the library");
    Cublas owned(handle);
    check_cublas(cublasSetStream(handle, stream), "setting the stream");
    // f32 as it is: no TF32, and no other order of sums from run to run.
    check_cublas(cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH), "setting the math mode");
    check_cublas(cublasSetAtomicsMode(handle, CUBLAS_ATOMICS_NOT_ALLOWED), "forbidding atomics");
    return owned;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
