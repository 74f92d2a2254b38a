// What the cuDNN backend is besides its ops: whether it can work here, and how it describes itself.
#include "objloc/kernels/cudnn/cudnn_backend.h"

#include <string>

#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#include "objloc/kernels/cudnn/convolution_plans.cuh"
#include "objloc/kernels/cudnn/cudnn_backend.cuh"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

constexpr int64_t kCublasWorkspace = int64_t{32} << 20;  // NVIDIA's advice for Hopper

}  // namespace

CudnnBackend::CudnnBackend(const BackendOptions& options)
    : CudaBackend("cudnn", options),
      precision_(options.precision),
      strict_(options.strict),
      cudnn_(make_cudnn(stream())),
      cublas_(make_cublas(stream())),
      cublas_workspace_(allocate({kCublasWorkspace}, DType::u8)),
      plans_(std::make_unique<ConvolutionPlans>(*this, cudnn_.get())) {
    // A workspace of our own, or cuBLAS would allocate one inside a step that is being captured.
    check_cublas(cublasSetWorkspace(cublas_.get(), cublas_workspace_.raw(), kCublasWorkspace),
                 "setting the workspace");
}

CudnnBackend::~CudnnBackend() = default;

std::string CudnnBackend::description() const {
    const size_t version = cudnnGetVersion();  // 91900 for 9.19.0
    return CudaBackend::description() + ", cuDNN " + std::to_string(version / 10000) + "." +
           std::to_string(version % 10000 / 100) + "." + std::to_string(version % 100);
}

}  // namespace OBJLOC_CUDA_NAMESPACE

BackendEntry cudnn_backend_entry() {
    BackendEntry entry = cuda_backend_entry();
    entry.name = "cudnn";
    entry.make = [](const BackendOptions& options) {
        return std::make_unique<OBJLOC_CUDA_NAMESPACE::CudnnBackend>(options);
    };
    return entry;
}

}  // namespace objloc
