// The part of CUDA's host API that the backend uses, on the CPU. All work is done at once, in the calling
// thread; a stream only keeps options, and collects work while it captures. What would be undefined on a
// device, such as a copy out of memory that was never written, throws Error.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "objloc/kernels/emulator/cuda_types.h"
#include "objloc/kernels/emulator/launch.h"

namespace objloc::cuda_host {

enum cudaError_t {
    cudaSuccess,
    cudaErrorInvalidValue,
    cudaErrorMemoryAllocation,
    cudaErrorInsufficientDriver,
    cudaErrorNoDevice,
    cudaErrorDevicesUnavailable,
    cudaErrorNoKernelImageForDevice,
    cudaErrorIllegalAddress,
    cudaErrorMisalignedAddress,
    cudaErrorLaunchFailure
};
const char* cudaGetErrorString(cudaError_t status);
inline cudaError_t cudaGetLastError() {
    return cudaSuccess;  // launches throw instead
}

struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlockOptin;
    int major, minor, multiProcessorCount;
};
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount, cudaDevAttrComputeCapabilityMajor };
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);

// ---- Memory
// ---------------------------------------------------------------------------------------------------
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };

struct HostStream;
using cudaStream_t = HostStream*;

cudaError_t cudaMalloc(void** block, size_t bytes);
cudaError_t cudaFree(void* block);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream);

// ---- Streams, events, graphs
// ----------------------------------------------------------------------------------
enum : unsigned { cudaStreamNonBlocking = 1 };
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal,
    cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};

using Work = std::function<void()>;
struct HostGraph {
    std::vector<Work> work;
};
using cudaGraph_t = HostGraph*;
struct HostGraphExec {
    std::vector<Work> work;
};
using cudaGraphExec_t = HostGraphExec*;
struct HostStream {
    HostRuntimeOptions options;
    std::unique_ptr<HostGraph> captured;  // while capturing
};
struct HostEvent {
    double seconds;
};
using cudaEvent_t = HostEvent*;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);

cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop);

/// Runs the kernel in clusters of so many blocks, now or when the graph that `stream` captures is launched.
void launch_kernel(std::shared_ptr<const host::Kernel> kernel, dim3 grid, dim3 threads, unsigned cluster,
                   size_t shared_bytes, cudaStream_t stream);

}  // namespace objloc::cuda_host
