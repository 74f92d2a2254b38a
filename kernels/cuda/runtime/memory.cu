// Memory of the device: blocks, copies, constants and counters.
#include "objloc/kernels/cuda/runtime/memory.cuh"

#include <string>

#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

struct Constant {
    float value;
    __device__ float operator()() const { return value; }
};

__global__ void advance_kernel(int64_t* counter, int64_t amount) {
    *counter += amount;
}

// ---- Blocks -----------------------------------------------------------------------------------------------

std::string megabytes(size_t bytes) {
    return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MB";
}

/// Lets this thread call cudaMalloc while it captures: the block is made at once and is no part of the graph.
class RelaxedCapture {
  public:
    RelaxedCapture() { check_cuda(cudaThreadExchangeStreamCaptureMode(&mode_), "relaxing the capture mode"); }
    ~RelaxedCapture() { (void)cudaThreadExchangeStreamCaptureMode(&mode_); }
    RelaxedCapture(const RelaxedCapture&) = delete;
    RelaxedCapture& operator=(const RelaxedCapture&) = delete;

  private:
    cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;  // swapped for the thread's own, and back
};

}  // namespace

void* DeviceMemory::allocate(size_t bytes) {
    const RelaxedCapture relaxed;
    void* block = nullptr;
    const cudaError_t status = cudaMalloc(&block, bytes);
    if (status != cudaErrorMemoryAllocation) {
        check_cuda(status, "allocating memory");
        return block;
    }
    (void)cudaGetLastError();
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "asking for free memory");
    throw OutOfMemory(
        "GPU memory",
        megabytes(bytes) + " were asked for, " + megabytes(free) + " of " + megabytes(total) + " are free",
        "Use a smaller --batch, or end other programs that use the GPU (nvidia-smi lists them).", free);
}

void DeviceMemory::release(void* block) noexcept {
    (void)cudaFree(block);
}

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::upload(const void* host, const Tensor& to) {
    refuse_while_capturing("upload");
    // From ordinary (pageable) memory CUDA first copies to a buffer of its own, so `host` is free on return.
    check_cuda(cudaMemcpyAsync(to.raw(), host, to.bytes(), cudaMemcpyHostToDevice, stream()), "upload");
    to.storage().bump_version();
}

void CudaBackend::download(const Tensor& from, void* host) {
    refuse_while_capturing("download");
    check_cuda(cudaMemcpyAsync(host, from.raw(), from.bytes(), cudaMemcpyDeviceToHost, stream()), "download");
    synchronize();
}

void CudaBackend::copy(const Tensor& from, const Tensor& to) {
    check_cuda(cudaMemcpyAsync(to.raw(), from.raw(), to.bytes(), cudaMemcpyDeviceToDevice, stream()), "copy");
    to.storage().bump_version();
}

void CudaBackend::fill(const Tensor& y, float value) {
    elementwise(stream(), Constant{value}, y);
    y.storage().bump_version();
}

void CudaBackend::synchronize() {
    refuse_while_capturing("synchronize");
    check_cuda(cudaStreamSynchronize(stream()), "waiting for the GPU");
}

void CudaBackend::advance(const Tensor& counter, int64_t amount) {
    launch(advance_kernel, dim3(1), dim3(1), 0, stream(), counter.data<int64_t>(), amount);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
