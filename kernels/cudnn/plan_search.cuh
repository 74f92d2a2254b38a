// The ways in which cuDNN can run a graph: every engine configuration that its heuristics offer, as a plan.
#pragma once

#include <memory>
#include <vector>

#include "engine/precision.h"
#include "kernels/cudnn/convolution_graphs.cuh"

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
    /// `config` is of that graph; `deterministic`: two runs give the same bits.
    ExecutionPlan(cudnnHandle_t cudnn, std::shared_ptr<const ConvolutionGraph> graph, GraphDescriptor config,
                  bool deterministic);

    /// Whether cuDNN can run it here, within kMostWorkspace.
    bool ready() const { return ready_; }
    bool deterministic() const { return deterministic_; }
    int64_t workspace_bytes() const { return workspace_; }

    /// Queues it on cuDNN's stream.
    void run(cudnnHandle_t cudnn, const ConvolutionPointers& tensors, void* workspace) const;

  private:
    std::shared_ptr<const ConvolutionGraph> graph_;
    GraphDescriptor config_, plan_;
    int64_t workspace_ = 0;
    bool deterministic_, ready_;
};

/// Every plan for the graph that is ready here and computes in that precision, in cuDNN's order: what its
/// models of the GPU hold for best, what its rules do, what always works. Some come twice.
std::vector<ExecutionPlan> find_plans(cudnnHandle_t cudnn,
                                      const std::shared_ptr<const ConvolutionGraph>& graph,
                                      Precision precision);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
