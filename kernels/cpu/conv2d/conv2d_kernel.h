// A version of the convolution as the CPU backend runs it: its descriptor, and how to make its passes.
// conv2d_versions.inc lists the versions.
#pragma once

#include <memory>

#include "objloc/engine/backend.h"
#include "objloc/engine/conv2d_version.h"

namespace objloc::cpu {

/// The passes of one version, with the state they keep between calls: plans and transformed weights. Arguments and
/// shapes are those of the backend's ops (engine/backend_ops.inc), for problems that the version applies to. Results
/// have the same bits for any number of threads. A pass that a version never applies to is not overridden.
class Conv2dPasses {
  public:
    virtual ~Conv2dPasses() = default;
    virtual void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                         const Tensor& y, const Tensor& codes);
    virtual void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                               const Tensor& relu_source, const Tensor& dx);
    virtual void backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                  const Conv2dGradient& gradient, const Tensor& dw);
};

struct Conv2dKernel : Conv2dVersion {
    /// `arithmetic`: what products are taken in, fp32 or bf16.
    std::unique_ptr<Conv2dPasses> (*make)(int threads, Precision arithmetic,
                                          const std::shared_ptr<CachingAllocator>& allocator);
};

namespace conv2d_kernels {
#define OBJLOC_CONV2D_VERSION(name) extern const Conv2dKernel name;
#include "objloc/kernels/cpu/conv2d/conv2d_versions.inc"
}  // namespace conv2d_kernels

/// The descriptors of all versions in conv2d_versions.inc.
const Conv2dVersions& conv2d_versions();

}  // namespace objloc::cpu
