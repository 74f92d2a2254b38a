// A backend that passes every call on to another one with a stopwatch around it, so that a training step,
// unchanged, tells where its time goes.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc::bench {

/// One call of the seam. It has waited for the device, so ops that could overlap were kept from it.
struct TimedOp {
    std::string op;     // the function's name
    std::string layer;  // of the first tensor that has a name (`TimedBackend::name_tensor`), or empty
    std::string shape;  // "64x64x128->128 pool": H x W x C -> K of a convolution, else the largest tensor
    double flops = 0;   // of matrix products and convolutions: multiply-adds times two, summed directly
    double bytes = 0;   // of all tensors read and all written: the least that must move
    double seconds = 0;
};

class TimedBackend : public Backend, public LocalizerKernels {
  public:
    /// `inner` must outlive this. Tensors of one are tensors of the other: they share the allocator.
    explicit TimedBackend(Backend& inner);

    /// Off (as at first), calls are passed on untimed and unrecorded.
    void record(bool on) { recording_ = on; }
    /// What was recorded since the last call, in order.
    std::vector<TimedOp> take();
    /// Calls that work on this tensor belong to `layer`.
    void name_tensor(const Tensor& tensor, const std::string& layer);

    std::string name() const override { return inner_.name(); }
    std::string description() const override { return inner_.description(); }
    DType activation_type() const override { return inner_.activation_type(); }

    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void synchronize() override { inner_.synchronize(); }
    // `capture` stays the base class's: a stopwatch cannot look into a replayed graph.

#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/engine/backend_ops.inc"
#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/kernels/localizer/localizer_ops.inc"

  private:
    /// Runs `work`, which calls `op` with these arguments, and records what it took.
    template <typename Work, typename... Arguments>
    void timed(const char* op, const Work& work, const Arguments&... arguments);

    Backend& inner_;
    LocalizerKernels& localizer_;
    bool recording_ = false;
    std::map<std::pair<const void*, size_t>, std::string> layers_;  // by the tensor's place and bytes
    std::vector<TimedOp> ops_;
};

}  // namespace objloc::bench
