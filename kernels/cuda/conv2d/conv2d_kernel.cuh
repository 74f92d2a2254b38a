// A version of the convolution as the CUDA backend runs it: its descriptor and one function a pass. conv2d_versions.inc
// lists them, conv2d.cu checks what is empty, and conv2d_choice.h says which one runs when.
#pragma once

#include "objloc/engine/backend.h"
#include "objloc/engine/conv2d_version.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

class CudaBackend;

/// Arguments are those of the backend's ops (engine/backend_ops.inc). A pass that a version never applies to is null.
struct Conv2dKernel : Conv2dVersion {
    using Forward = void (*)(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                             const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
    using BackwardData = void (*)(CudaBackend& backend, const Conv2dProblem& problem,
                                  const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                  const Tensor& dx);
    using BackwardWeights = void (*)(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                     const Conv2dGradient& gradient, const Tensor& dw);
    Forward forward;
    BackwardData backward_data;
    BackwardWeights backward_weights;
};

namespace conv2d_kernels {
#define OBJLOC_CONV2D_VERSION(name) extern const Conv2dKernel name;
#include "objloc/kernels/cuda/conv2d/conv2d_versions.inc"
}  // namespace conv2d_kernels

/// The descriptors of all versions in conv2d_versions.inc.
const Conv2dVersions& conv2d_versions();

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
