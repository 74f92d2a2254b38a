// How cuDNN is to do each convolution: descriptors, and the algorithm found fastest. Found once a problem, at
// its first run, by timing them all.
#pragma once

#include <array>
#include <map>
#include <string>

#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cudnn/handles.cuh"

namespace objloc::cuda {

enum class Pass { forward, backward_data, backward_weights };

/// A plan of one pass. `refused` says why cuDNN cannot do it, and is empty when it can.
struct ConvolutionPlan {
    TensorDescriptor x, y;
    FilterDescriptor w;
    ConvolutionDescriptor convolution;
    std::string refused;
    int algorithm = 0;  // of the pass's own enumeration
    size_t workspace = 0;
};

class ConvolutionPlans {
  public:
    ConvolutionPlans(CudaBackend& backend, cudnnHandle_t cudnn) : backend_(backend), cudnn_(cudnn) {}

    /// The plan for a pass, whose output is scratch while algorithms are timed: `output` is y, dx or dw
    /// (KRSC), `a` and `b` the two inputs, in cuDNN's order.
    const ConvolutionPlan& find(Pass pass, const Conv2dProblem& problem, const float* a, const float* b,
                                float* output);

  private:
    /// What tells problems apart for cuDNN: not their ReLU nor their pooling, which are done outside.
    using Key = std::array<int64_t, 14>;

    void choose(Pass pass, ConvolutionPlan& plan, const float* a, const float* b, float* output);

    CudaBackend& backend_;
    cudnnHandle_t cudnn_;
    std::map<Key, ConvolutionPlan> plans_;
};

}  // namespace objloc::cuda
