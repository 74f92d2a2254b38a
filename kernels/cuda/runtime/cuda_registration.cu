// The CUDA backend's entry in the list of backends: it looks whether there is a GPU that it can work on.
#include <string>

#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.h"

namespace objloc {

#if defined(__CUDACC__)
namespace cuda {
namespace {

/// Compute capability of the oldest GPU that this build has kernels for, times ten; the build sets it.
constexpr int kOldest = OBJLOC_CUDA_OLDEST;

std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// `entry` with `missing` and `hint` filled in, if something is missing.
BackendEntry probed(BackendEntry entry) {
    int driver = 0, devices = 0, major = 0, minor = 0;
    (void)cudaDriverGetVersion(&driver);
    const cudaError_t status = cudaGetDeviceCount(&devices);
    (void)cudaGetLastError();
    if (driver == 0) {
        entry.missing = "there is no NVIDIA driver on this machine";
        entry.hint = "Install one if there is an NVIDIA GPU; else use --device cpu.";
    } else if (status == cudaErrorInsufficientDriver) {
        entry.missing = "the NVIDIA driver serves CUDA " + version_text(driver) + ", this build needs " +
                        version_text(CUDART_VERSION);
        entry.hint = "Install a newer driver, or build with an older CUDA toolkit.";
    } else if (status != cudaSuccess || devices == 0) {
        entry.missing = std::string("no GPU can be used: ") + cudaGetErrorString(status);
        entry.hint =
            "Check with nvidia-smi that the GPU is seen, and that CUDA_VISIBLE_DEVICES does not hide it.";
    } else if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) != cudaSuccess ||
               cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0) != cudaSuccess ||
               10 * major + minor < kOldest) {
        entry.missing = "the GPU has compute capability " + std::to_string(major) + "." +
                        std::to_string(minor) + ", this build has kernels for " +
                        std::to_string(kOldest / 10) + "." + std::to_string(kOldest % 10) + " and later";
        entry.hint = "Build with: cmake --preset cuda -DCMAKE_CUDA_ARCHITECTURES=native";
    } else {
        entry.device = current_device();
    }
    return entry;
}

}  // namespace
}  // namespace cuda

BackendEntry cuda_backend_entry() {
    return cuda::probed({.name = "cuda",
                         .missing = "",
                         .hint = "",
                         .make =
                             [](const BackendOptions& options) {
                                 return std::make_unique<cuda::CudaBackend>("cuda", options);
                             },
                         .conv2d_versions = cuda::conv2d_versions()});
}
#else
BackendEntry cuda_host_backend_entry() {
    return {"cuda-host",
            "",
            "",
            [](const BackendOptions& options) {
                return std::make_unique<OBJLOC_CUDA_NAMESPACE::CudaBackend>("cuda-host", options,
                                                                            Reuse::never);
            },
            OBJLOC_CUDA_NAMESPACE::current_device(),
            OBJLOC_CUDA_NAMESPACE::conv2d_versions()};
}
#endif

}  // namespace objloc
