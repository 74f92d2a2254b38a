// A convolution, with what may be fused to it, as cuDNN is told of it: a graph of operations on tensors.
#pragma once

#include <deque>

#include "objloc/engine/problem.h"
#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cudnn/graph_descriptors.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Which convolution, and how its tensors lie in memory. Sums are taken in fp32 always.
struct ConvolutionGraphSpec {
    ConvPass pass = ConvPass::forward;
    Conv2dProblem problem;               // its `relu` and `pool` say nothing here
    DType type = DType::f32;             // of x, y, their gradients, and w
    DType weight_gradient = DType::f32;  // of dw
    bool filters_in_place = false;       // w or dw as the engine has them, (R, S, C, K); else (K, R, S, C)
    bool fused_bias = false, fused_relu = false;  // of the forward pass
    int64_t alignment = 16;  // of every tensor, in bytes; of one with larger elements, their size
};

/// The tensors' numbers in the graph: x or dx, w or dw, y or dy, bias.
enum ConvolutionTensor : int64_t { kX = 1, kW, kY, kBias };

class ConvolutionGraph {
  public:
    ConvolutionGraph(cudnnHandle_t cudnn, const ConvolutionGraphSpec& spec);

    /// Whether cuDNN knows graphs of this kind at all.
    bool supported() const { return supported_; }
    bool fused_bias() const { return fused_bias_; }
    const GraphDescriptor& descriptor() const { return graph_; }

  private:
    std::deque<GraphDescriptor> parts_;  // what the graph refers to, where it stays
    GraphDescriptor graph_;
    bool fused_bias_, supported_;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
