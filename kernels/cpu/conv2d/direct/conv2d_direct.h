// Convolution by direct sums, through oneDNN, for every problem. Activations stay NHWC; oneDNN chooses the
// layout of the weights, which are reordered once per update. Tensors are f32; what is multiplied is that, or
// rounded to bf16 first, where a processor multiplies pairs of those. Sums are fp32 either way.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/tensor.h"
#include "objloc/kernels/cpu/conv2d/weight_cache.h"
#include "objloc/kernels/cpu/runtime/onednn.h"

namespace objloc::cpu {

/// Arguments and shapes are those of Backend's conv2d functions. Results have the same bits for any number of
/// threads.
class DirectConvolution {
  public:
    /// `operands`: what is multiplied, f32 or bf16.
    DirectConvolution(int threads, DType operands, std::shared_ptr<CachingAllocator> allocator);

    void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                 const Tensor& y, const Tensor& codes);
    void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                       const Tensor& relu_source, const Tensor& dx);
    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw);

  private:
    enum Pass : int64_t { kForward, kForwardBias, kData, kWeights };

    /// One of oneDNN's primitives, with the layouts it chose.
    struct Plan {
        dnnl::primitive primitive;
        dnnl::memory::desc x, w, y, scratchpad;
        uint64_t form;  // of the weights, in the cache
    };

    const Plan& plan(const Conv2dProblem& problem, Pass pass);
    Plan make_plan(const Conv2dProblem& problem, Pass pass) const;
    /// Weights in the layout of `plan`.
    dnnl::memory weights(const Conv2dProblem& problem, const Plan& plan, const Tensor& w);
    void execute(const Plan& plan, std::vector<std::pair<int, dnnl::memory>> arguments) const;
    void reorder(dnnl::memory from, dnnl::memory to) const;
    /// x and dy of `part`'s images -> dw (R,S,C,K), in a team of one thread.
    void weights_of_part(const Conv2dProblem& part, const Plan& plan, float* x, float* dy, float* dw) const;
    dnnl::memory memory(const dnnl::memory::desc& layout, void* data) const {
        return {layout, engine_, data};
    }
    /// Images (N, rows, columns, channels) as an operand: as they are, or rounded, in `rounded`.
    dnnl::memory operand(const Shape& shape, float* images, Tensor& rounded) const;
    Tensor temporary(const Shape& shape, DType type) const;
    /// The gradient of the convolution's own output, (N, P, Q, K).
    Tensor unpooled(const Conv2dProblem& problem, const Conv2dGradient& gradient) const;

    int threads_;
    dnnl::memory::data_type operands_;
    std::shared_ptr<CachingAllocator> allocator_;
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    std::map<std::array<int64_t, 15>, Plan> plans_;
    WeightCache weights_;
};

}  // namespace objloc::cpu
