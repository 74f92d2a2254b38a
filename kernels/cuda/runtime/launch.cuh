// The only door to CUDA: every kernel source includes this. nvcc gets CUDA's own headers; a plain C++
// compiler gets kernels/emulator, which runs the same source on the CPU in tests. Kernels are launched with
// launch(), never <<<>>>, and see shared memory through shared_memory<T>(), because those two are not C++.
#pragma once

#if defined(OBJLOC_CUDA_ON_HOST)

// A program may hold both builds of the kernels, so each has a namespace of its own.
#define OBJLOC_CUDA_NAMESPACE cuda_host
#include "objloc/kernels/emulator/cuda_language.h"

#else

#define OBJLOC_CUDA_NAMESPACE cuda
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

#include "objloc/engine/error.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Queues kernel<<<grid, threads, shared_bytes, stream>>>(args...) in clusters of `cluster` blocks side by
/// side along x (cluster.cuh; sm_90, unless 1). Throws Error when CUDA refuses the launch; what goes wrong
/// while the kernel runs shows at the next synchronisation.
template <typename... Params, typename... Args>
void launch_clusters(void (*kernel)(Params...), int cluster, dim3 grid, dim3 threads, size_t shared_bytes,
                     cudaStream_t stream, Args&&... args) {
    constexpr size_t kWithoutAsking = 48 * 1024;  // more shared memory than this is given only on request
    cudaError_t status = cudaSuccess;
    if (shared_bytes > kWithoutAsking) {
        status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(shared_bytes));
    }
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = threads;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    cudaLaunchAttribute in_clusters = {};
    in_clusters.id = cudaLaunchAttributeClusterDimension;
    in_clusters.val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
    config.attrs = &in_clusters;
    config.numAttrs = cluster > 1 ? 1 : 0;
    if (status == cudaSuccess) status = cudaLaunchKernelEx(&config, kernel, std::forward<Args>(args)...);
    if (status == cudaSuccess) return;
    const char* name = "(unnamed)";
    (void)cudaFuncGetName(&name, reinterpret_cast<const void*>(kernel));
    (void)cudaGetLastError();  // else the next call would report it again
    throw Error("kernel " + std::string(name), "cannot be launched with " + std::to_string(shared_bytes) +
                                                   " bytes of shared memory: " + cudaGetErrorString(status));
}

/// The same, each block on its own.
template <typename... Params, typename... Args>
void launch(void (*kernel)(Params...), dim3 grid, dim3 threads, size_t shared_bytes, cudaStream_t stream,
            Args&&... args) {
    launch_clusters(kernel, 1, grid, threads, shared_bytes, stream, std::forward<Args>(args)...);
}

#if defined(__CUDACC__)
/// The block's dynamic shared memory as a T.
template <typename T>
__device__ __forceinline__ T& shared_memory() {
    extern __shared__ __align__(1024) unsigned char objloc_shared[];
    return *reinterpret_cast<T*>(objloc_shared);
}
#endif

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE

#endif
