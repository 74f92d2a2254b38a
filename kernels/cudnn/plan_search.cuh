// The ways in which cuDNN can run a graph: the engine configurations that its heuristics offer, as plans.
#pragma once

#include <memory>
#include <vector>

#include "objloc/engine/precision.h"
#include "objloc/kernels/cudnn/convolution_graphs.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Plans that need more workspace are not considered.
constexpr int64_t kMostWorkspace = int64_t{512} << 20;

/// Where a graph's tensors lie. `bias` is read by graphs that have one.
struct ConvolutionPointers {
    void *x, *w, *y, *bias;
};

/// A graph made ready to run on one engine.
class ExecutionPlan {
  public:
    /// `config` is of that graph.
    ExecutionPlan(cudnnHandle_t cudnn, std::shared_ptr<const ConvolutionGraph> graph, GraphDescriptor config);

    /// Whether cuDNN can run it here, within kMostWorkspace.
    bool ready() const { return ready_; }
    int64_t workspace_bytes() const { return workspace_; }

    /// Queues it on cuDNN's stream.
    void run(cudnnHandle_t cudnn, const ConvolutionPointers& tensors, void* workspace) const;

  private:
    std::shared_ptr<const ConvolutionGraph> graph_;
    GraphDescriptor config_, plan_;
    int64_t workspace_ = 0;
    bool ready_;
};

/// The plans for the graph that are ready here, compute in that precision, and promise to repeat themselves
/// to the bit, or do not. In cuDNN's order: what its rules hold for best, what its models of the GPU do; and
/// only where these have nothing ready, what always works. None comes twice. Throws cuDNN's last refusal as
/// Error where that is why there is no plan.
std::vector<ExecutionPlan> find_plans(cudnnHandle_t cudnn,
                                      const std::shared_ptr<const ConvolutionGraph>& graph,
                                      Precision precision, bool deterministic);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
