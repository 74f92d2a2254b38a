// The backend that is always there: every op on the processor's cores, through OpenMP. Convolutions are our
// own Winograd F(4x4, 3x3) where it applies, and oneDNN's direct sums elsewhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {
namespace cpu {
class Convolutions;
}

/// Work is done when a call returns. Results have the same bits for any number of threads.
class CpuBackend : public Backend, public LocalizerKernels {
  public:
    /// Throws Error when `options` asks for a number of threads that makes no sense, or for a version of the
    /// convolution that there is not.
    explicit CpuBackend(const BackendOptions& options);
    ~CpuBackend() override;

    std::string name() const override { return "cpu"; }
    std::string description() const override;

    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void synchronize() override {}

#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/engine/backend_ops.inc"
#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/kernels/localizer/localizer_ops.inc"

  private:
    CpuBackend(const BackendOptions& options, const std::shared_ptr<CachingAllocator>& allocator);

    int threads_;
    Precision asked_, used_;
    std::unique_ptr<cpu::Convolutions> convolutions_;
};

BackendEntry cpu_backend_entry();

}  // namespace objloc
