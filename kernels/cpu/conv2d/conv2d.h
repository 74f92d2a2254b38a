// Convolutions on the CPU: which of three ways a problem goes.
#pragma once

#include "objloc/engine/registry.h"
#include "objloc/kernels/cpu/conv2d/direct/conv2d_direct.h"
#include "objloc/kernels/cpu/conv2d/winograd/conv2d_winograd.h"

namespace objloc::cpu {

/// Three of the four passes of Backend's conv2d (the bias's gradient is a sum of columns).
class Convolutions {
  public:
    /// `operands`: what is multiplied, f32 or bf16; the latter in direct sums alone.
    Convolutions(int threads, CpuConv choice, DType operands,
                 const std::shared_ptr<CachingAllocator>& allocator)
        : threads_(threads),
          choice_(operands == DType::bf16 ? CpuConv::direct : choice),
          allocator_(allocator),
          direct_(threads, operands, allocator),
          winograd_(threads, allocator) {}

    void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                 const Tensor& y, const Tensor& codes);
    void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                       const Tensor& relu_source, const Tensor& dx);
    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw);

  private:
    bool use_winograd(const Conv2dProblem& problem) const;

    int threads_;
    CpuConv choice_;
    std::shared_ptr<CachingAllocator> allocator_;
    DirectConvolution direct_;
    WinogradConvolution winograd_;
};

}  // namespace objloc::cpu
