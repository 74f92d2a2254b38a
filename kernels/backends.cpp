#include "objloc/kernels/backends.h"

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#if defined(OBJLOC_WITH_CUDA)
#include "objloc/kernels/cuda/peak/arithmetic_peak.h"
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#endif
#if defined(OBJLOC_WITH_CUDNN)
#include "objloc/kernels/cudnn/cudnn_backend.h"
#endif

namespace objloc {
namespace {

#if !defined(OBJLOC_WITH_CUDA)
BackendEntry cuda_backend_entry() {
    return {"cuda", "this build has no CUDA backend",
            "Install the CUDA toolkit and build with: cmake --preset cuda && cmake --build --preset cuda",
            nullptr};
}
#endif

#if !defined(OBJLOC_WITH_CUDNN)
BackendEntry cudnn_backend_entry() {
    return {"cudnn", "this build has no cuDNN backend",
            "Install the CUDA toolkit and cuDNN and build with: cmake --preset cuda && cmake --build "
            "--preset cuda",
            nullptr};
}
#endif

}  // namespace

double gpu_arithmetic([[maybe_unused]] Precision precision, [[maybe_unused]] bool hopper) {
#if defined(OBJLOC_WITH_CUDA)
    return cuda::measure_arithmetic(precision, hopper);
#else
    return 0;
#endif
}

Registry builtin_backends() {
    return Registry({cuda_backend_entry(), cudnn_backend_entry(), cpu_backend_entry()});
}

}  // namespace objloc
