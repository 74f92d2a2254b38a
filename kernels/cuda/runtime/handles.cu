// How CUDA's calls are checked, and a stream made.
#include "objloc/kernels/cuda/runtime/handles.cuh"

#include <string>

#include "objloc/engine/error.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

const char* hint(cudaError_t status) {
    switch (status) {
        case cudaErrorMemoryAllocation:
            return "Use a smaller --batch, or end other programs that use the GPU (nvidia-smi lists them).";
        case cudaErrorNoKernelImageForDevice:
            return "This build has no kernels for this GPU: build with -DCMAKE_CUDA_ARCHITECTURES=native.";
        case cudaErrorInsufficientDriver:
            return "Install a newer NVIDIA driver: this build needs one for CUDA's version it was built "
                   "with.";
        case cudaErrorNoDevice:
            return "Check with nvidia-smi that the GPU is seen, and that CUDA_VISIBLE_DEVICES does not hide "
                   "it.";
        case cudaErrorIllegalAddress:
        case cudaErrorMisalignedAddress:
        case cudaErrorLaunchFailure:
            return "A kernel is at fault, maybe an earlier one. Run under compute-sanitizer to see which, "
                   "and please "
                   "report it.";
        case cudaErrorDevicesUnavailable:
            return "Another program has the GPU for itself (nvidia-smi -q shows the compute mode).";
        default:
            return "If the GPU worked before, look for Xid messages in the system's log (dmesg).";
    }
}

}  // namespace

void check_cuda(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    (void)cudaGetLastError();  // else the next call would report it again
    throw Error("cuda", std::string(what) + " failed: " + cudaGetErrorString(status), hint(status));
}

Stream make_stream() {
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
    return Stream(stream);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
