// What the CUDA backend is besides its ops: whether it can work here, and how it describes itself.
#include "objloc/kernels/cuda/runtime/cuda_backend.h"

#include <string>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/cuda/runtime/memory.cuh"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

/// CUDA counts versions as 13000 for 13.0.
std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

cudaDeviceProp properties() {
    int device = 0;
    cudaDeviceProp result{};
    check_cuda(cudaGetDevice(&device), "asking for the device");
    check_cuda(cudaGetDeviceProperties(&result, device), "asking for the device's properties");
    return result;
}

}  // namespace

CudaDevice current_device() {
    const cudaDeviceProp device = properties();
    return {10 * device.major + device.minor, hopper_missing().empty()};
}

CudaBackend::CudaBackend(std::string name, const BackendOptions& options, Reuse reuse)
    : CudaBackend(std::move(name), options,
                  std::make_shared<CachingAllocator>(std::make_unique<DeviceMemory>(), reuse)) {
}

CudaBackend::CudaBackend(std::string name, const BackendOptions& options,
                         std::shared_ptr<CachingAllocator> memory)
    : Backend(memory),
      name_(std::move(name)),
      options_(options),
      device_(current_device()),
      memory_(std::move(memory)),
      stream_(make_stream()) {
    check_version_name(conv2d_versions(), options.conv);
}

CudaBackend::~CudaBackend() = default;

std::string CudaBackend::description() const {
    const cudaDeviceProp device = properties();
    int driver = 0;
    check_cuda(cudaDriverGetVersion(&driver), "asking for the driver's version");
    return std::string(device.name) + ", " + std::to_string(device.totalGlobalMem >> 20) +
           " MB, compute capability " + std::to_string(device.major) + "." + std::to_string(device.minor) +
           ", driver for CUDA " + version_text(driver) + ", computes in " +
           objloc::name_of(options_.precision);
}

void CudaBackend::refuse_while_capturing(const char* what) const {
    if (!capturing_) return;
    throw Error("cuda", std::string(what) + " was called inside a step that is being captured",
                "Do it between steps: a captured step only queues work.");
}

}  // namespace OBJLOC_CUDA_NAMESPACE
}  // namespace objloc
