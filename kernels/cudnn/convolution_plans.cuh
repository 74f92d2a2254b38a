// How cuDNN is to do each convolution: the fastest, by the clock, of what its heuristics offer that is
// deterministic and within 512 MiB of workspace; found at the first run of each problem. Where nothing is
// deterministic, the fastest of the rest, and a line on the standard error says so.
//
// A route is how a pass goes about it besides cuDNN's plan: whether weights are transposed to the layout that
// cuDNN is made for, whether bias and ReLU are part of the plan, whether the weights' gradient of bf16
// tensors is written in f32 or in bf16, which we then widen. What is timed is the pass as a whole, on tensors
// of its own that hold small whole numbers: sums of these are exact in any order, so plans must agree. That
// is no idle check. cuDNN takes filters described by any packed strides, but its documentation promises only
// (K, R, S, C) and (K, C, R, S).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/cudnn/plan_search.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

struct ConvolutionRoute {
    bool filters_in_place = false;       // as the engine has them, (R, S, C, K)
    bool fused = false;                  // bias and ReLU are part of the plan
    DType weight_gradient = DType::f32;  // as cuDNN writes it
};

/// A plan for one pass of one problem, or why there is none.
struct ConvolutionPlan {
    ConvolutionRoute route;
    std::optional<ExecutionPlan> plan;
    std::string refused;
};

/// What tells passes of problems apart.
struct ConvolutionKey {
    ConvPass pass;
    Conv2dProblem problem;
    DType type;
    Precision precision;  // of f32 tensors' products; bf16 tensors have their own
    bool biased;
    int64_t alignment;  // as in ConvolutionGraphSpec

    bool operator<(const ConvolutionKey& other) const;
};

/// A pass on tensors of its own.
struct ConvolutionTrial {
    std::function<void(const ConvolutionPlan&)> run;
    Tensor output;
};

class ConvolutionPlans {
  public:
    ConvolutionPlans(CudaBackend& backend, cudnnHandle_t cudnn) : backend_(backend), cudnn_(cudnn) {}

    /// The plan for a pass, found now with the help of `make_trial` or known. Finding one throws Error inside
    /// a step that is being captured: timing waits for the GPU.
    const ConvolutionPlan& find(const ConvolutionKey& key,
                                const std::function<ConvolutionTrial()>& make_trial);

  private:
    ConvolutionPlan search(const ConvolutionKey& key, const ConvolutionTrial& trial);
    ConvolutionPlan fastest(const ConvolutionKey& key, const ConvolutionTrial& trial, bool deterministic);

    CudaBackend& backend_;
    cudnnHandle_t cudnn_;
    std::map<ConvolutionKey, ConvolutionPlan> plans_;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
