// Convolution by direct sums, through oneDNN, for every problem. Activations stay NHWC; oneDNN chooses the
// layout of the weights, which are reordered once per update. Tensors are f32; what is multiplied is that, or
// rounded to bf16 first, where a processor multiplies pairs of those. Sums are fp32 either way.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "objloc/engine/tensor.h"
#include "objloc/kernels/cpu/conv2d/conv2d_kernel.h"
#include "objloc/kernels/cpu/conv2d/weight_cache.h"
#include "objloc/kernels/cpu/runtime/onednn.h"

namespace objloc::cpu {

class OnednnConvolution final : public Conv2dPasses {
  public:
    /// `operands`: what is multiplied, fp32 or bf16.
    OnednnConvolution(int threads, Precision operands, std::shared_ptr<CachingAllocator> allocator);

    void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                 const Tensor& y, const Tensor& codes) override;
    void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                       const Tensor& relu_source, const Tensor& dx) override;
    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw) override;

  private:
    enum Pass : int64_t { kForward, kForwardBias, kData, kWeights };

    /// One of oneDNN's primitives, with the layouts it chose.
    struct Plan {
        dnnl::primitive primitive;
        dnnl::memory::desc x, w, y, scratchpad;
        uint64_t form;     // of the weights, in the cache
        bool splits_sums;  // among threads, so that their last bits depend on how many there are
    };

    /// How a pass runs so that its bits do not depend on the number of threads: as a whole on all threads, or, where
    /// the plan splits sums, image by image with one thread for each.
    struct Parts {
        Conv2dProblem problem;  // of one part
        const Plan& plan;
        int64_t count;
        int threads;  // of one part

        /// Calls run(i) for each part.
        template <typename Run>
        void run(int workers, const Run& run) const;
    };
    Parts parts(const Conv2dProblem& problem, Pass pass);

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
