// The same ops through NVIDIA's libraries: cuDNN's convolutions, cuBLAS's products. It is the yardstick for
// our kernels, and a backend like the others.
//
// What stays ours: max pooling and its codes, since cuDNN leaves the choice among equal maxima open and does
// not say which it was; sums that cuDNN does not promise to repeat to the bit (bias gradients); and
// elementwise ops, which are one pass over memory either way. Convolutions take the fastest of the plans that
// cuDNN offers for the precision that was asked for, deterministic and within 512 MiB of workspace, found by
// timing them, once a problem (convolution_plans.cuh). Where it has none, our kernels take over, unless
// BackendOptions::strict forbids that.
//
// One thing differs from "cuda": where cuDNN is faster so, the weights' gradient of bf16 tensors is rounded
// to bf16 when it is written, after sums in fp32. A line on the standard error says which it is.
#pragma once

#include <memory>

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/cudnn/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

struct ConvolutionPlan;
class ConvolutionPlans;

class CudnnBackend : public CudaBackend {
  public:
    explicit CudnnBackend(const BackendOptions& options);
    ~CudnnBackend() override;

    std::string description() const override;

    // Its own are the products; what else there is it inherits.
#define OBJLOC_OP(name, parameters, arguments)
#define OBJLOC_PRODUCT_OP(name, parameters, arguments) void name parameters override;
#include "objloc/engine/backend_ops.inc"

  private:
    /// What products of these activations are taken in: with bf16, f32 activations are a head's and stay
    /// fp32.
    Precision precision_of(const Tensor& activation) const;
    /// Whether our own kernels are to do it, since there is no plan. Throws Error instead where that was
    /// forbidden.
    bool falls_back(const ConvolutionPlan& plan) const;
    /// cuDNN's part of a pass: x or dx, w or dw as the plan's route wants them, y or dy, bias or nothing.
    void run_plan(const ConvolutionPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
                  const Tensor& bias);
    /// w as the plan reads it: as it is, or transposed to (K, R, S, C).
    Tensor filters_for(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& w);
    /// The gradient of every output pixel: dy itself, or a pooled one spread out.
    Tensor unpooled_gradient(const Conv2dProblem& problem, const Conv2dGradient& gradient);
    /// A whole pass, on its plan.
    void forward_by(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& x,
                    const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
    void weights_by(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& x,
                    const Tensor& dy, const Tensor& dw);

    Precision precision_;
    bool strict_;
    Cudnn cudnn_;
    Cublas cublas_;
    Tensor cublas_workspace_;
    std::unique_ptr<ConvolutionPlans> plans_;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
