#include "objloc/kernels/emulator/cuda_api.h"

#include <omp.h>

#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/kernels/emulator/memory.h"
#include "objloc/kernels/emulator/race_detector.h"

namespace objloc {
namespace {

thread_local HostRuntimeOptions current_options;

}  // namespace

HostRuntimeOptions host_runtime_options() {
    return current_options;
}

HostRuntimeScope::HostRuntimeScope(const HostRuntimeOptions& options)
    : before_(std::exchange(current_options, options)) {
}

HostRuntimeScope::~HostRuntimeScope() {
    current_options = before_;
}

namespace cuda_host {
namespace {

/// Does the work now, or adds it to the graph that is being captured. No work may follow host code that
/// touched device memory.
void enqueue(cudaStream_t stream, Work work) {
    const std::string fault = host::take_host_fault();
    if (!fault.empty()) throw Error("host runtime", fault, "Copy it with cudaMemcpyAsync.");
    if (stream != nullptr && stream->captured) {
        stream->captured->work.push_back(std::move(work));
    } else {
        work();
    }
}

bool checks(cudaStream_t stream) {
    return stream == nullptr ? current_options.checks : stream->options.checks;
}

void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool check) {
    if (kind != cudaMemcpyHostToDevice) host::require_device_range(from, bytes, "cudaMemcpyAsync");
    if (kind != cudaMemcpyDeviceToHost) host::require_device_range(to, bytes, "cudaMemcpyAsync");
    if (kind == cudaMemcpyDeviceToHost && check) {
        const size_t position = host::first_unwritten(from, bytes);
        if (position != bytes) {
            throw Error("cudaMemcpyAsync", "copies " + std::to_string(bytes) +
                                               " bytes to the host, of which byte " +
                                               std::to_string(position) + " was never written");
        }
    }
    std::memmove(to, from, bytes);
    if (kind == cudaMemcpyHostToDevice) host::mark_written(to, bytes);
    if (kind == cudaMemcpyDeviceToDevice) host::copy_states(to, from, bytes);
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

const char* cudaGetErrorString(cudaError_t status) {
    return status == cudaSuccess                 ? "no error"
           : status == cudaErrorMemoryAllocation ? "out of memory"
                                                 : "invalid value";
}

// ---- The device
// -----------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    *properties = {};
    std::strcpy(properties->name, "CPU running CUDA kernels, for tests");
    properties->totalGlobalMem = host::kArenaBytes - host::kSharedRegion;
    properties->sharedMemPerBlockOptin = host::kMaxSharedBytes;
    properties->major = 9;
    properties->multiProcessorCount = omp_get_num_procs();
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp properties;
    cudaGetDeviceProperties(&properties, device);
    *value = attribute == cudaDevAttrMultiProcessorCount ? properties.multiProcessorCount : properties.major;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = 0;
    return cudaSuccess;
}

// ---- Memory
// ---------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** block, size_t bytes) {
    *block = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (bytes > host::kArenaBytes) return cudaErrorMemoryAllocation;
    try {
        *block = host::allocate_device(bytes);
    } catch (const Error&) {
        return cudaErrorMemoryAllocation;
    }
    return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
    if (block == nullptr) return cudaSuccess;
    try {
        host::release_device(block);
    } catch (const Error&) {
        return cudaErrorInvalidValue;
    }
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
    *total = host::kArenaBytes - host::kSharedRegion;
    *free = *total - host::device_bytes_in_use();
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    enqueue(stream, [=, check = checks(stream)] { copy(to, from, bytes, kind, check); });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    enqueue(stream, [=] {
        host::require_device_range(to, bytes, "cudaMemsetAsync");
        std::memset(to, value, bytes);
        host::mark_written(to, bytes);
    });
    return cudaSuccess;
}

// ---- Streams and graphs
// ---------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new HostStream{current_options, nullptr};
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (stream != nullptr && stream->captured) return cudaErrorInvalidValue;
    enqueue(stream, [] {});
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
    return cudaStreamSynchronize(nullptr);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    if (stream == nullptr || stream->captured) return cudaErrorInvalidValue;
    stream->captured = std::make_unique<HostGraph>();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    *graph = nullptr;
    if (stream == nullptr || !stream->captured) return cudaErrorInvalidValue;
    *graph = stream->captured.release();
    return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    thread_local cudaStreamCaptureMode current = cudaStreamCaptureModeGlobal;
    std::swap(current, *mode);
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    *executable = new HostGraphExec{graph->work};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    enqueue(stream, [work = executable->work] {
        for (const Work& step : work) step();
    });
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete executable;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    *event = new HostEvent{0};
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    enqueue(stream, [event] { event->seconds = now(); });
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t) {
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
    *milliseconds = static_cast<float>((stop->seconds - start->seconds) * 1e3);
    return cudaSuccess;
}

void launch_kernel(std::shared_ptr<const host::Kernel> kernel, dim3 grid, dim3 threads, unsigned cluster,
                   size_t shared_bytes, cudaStream_t stream) {
    const HostRuntimeOptions options = stream == nullptr ? current_options : stream->options;
    enqueue(stream, [=] { host::run_kernel(*kernel, grid, threads, cluster, shared_bytes, options); });
}

}  // namespace cuda_host
}  // namespace objloc
