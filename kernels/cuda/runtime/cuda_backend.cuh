// The CUDA backend: each op is a hand-written kernel in the file of its name. All work goes to one stream, so
// it runs in the order it was asked for, and memory that is freed may be handed out again at once.
//
// IEEE division and square root, no atomics on floats: in fp32 two runs give the same bits, on one GPU model
// and on another. With tf32 or bf16 (engine/precision.h) convolutions run on tensor cores: two runs give the
// same bits on one GPU model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"
#include "objloc/kernels/cuda/runtime/handles.cuh"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// What the choice of kernels asks about the device. Throws Error where there is none.
CudaDevice current_device();

class CudaBackend : public Backend, public LocalizerKernels {
  public:
    /// `reuse` false gives freed memory back at once (see CachingAllocator).
    explicit CudaBackend(std::string name, const BackendOptions& options, Reuse reuse = Reuse::always);
    ~CudaBackend() override;

    std::string name() const override { return name_; }
    std::string description() const override;
    DType activation_type() const override {
        return options_.precision == Precision::bf16 ? DType::bf16 : DType::f32;
    }
    cudaStream_t stream() const { return stream_.get(); }

    /// The host's buffer may be used again when this returns; the copy takes its turn among the queued work.
    /// Not part of a captured step: what changes from step to step is uploaded between replays.
    void upload(const void* host, const Tensor& to) override;
    void download(const Tensor& from, void* host) override;
    void synchronize() override;

    /// The first call runs `step` as it is, the second captures it into a CUDA graph, and that one and all
    /// further ones launch the graph. The graph keeps the memory it was captured with to itself, for as long
    /// as the result lives; the backend must outlive it.
    std::function<void()> capture(std::function<void()> step) override;

#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/engine/backend_ops.inc"
#define OBJLOC_OP(name, parameters, arguments) void name parameters override;
#include "objloc/kernels/localizer/localizer_ops.inc"

  private:
    class CapturedStep;

    CudaBackend(std::string name, const BackendOptions& options, std::shared_ptr<CachingAllocator> memory);
    void refuse_while_capturing(const char* what) const;

    std::string name_;
    BackendOptions options_;
    CudaDevice device_;
    std::shared_ptr<CachingAllocator> memory_;  // the base class's own, for captured steps to share
    Stream stream_;
    bool capturing_ = false;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
