// Convolutions on the CPU: which of the two ways a problem goes.
#pragma once

#include "engine/registry.h"
#include "kernels/cpu/conv2d_direct.h"

namespace objloc::cpu {

/// The four passes of Backend's conv2d, whichever way computes them.
class Convolutions {
  public:
    Convolutions(int threads, CpuConv choice, std::shared_ptr<CachingAllocator> allocator)
        : threads_(threads), direct_(threads, std::move(allocator)) {
        (void)choice;
    }

    void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                 const Tensor& y, const Tensor& codes);
    void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                       const Tensor& relu_source, const Tensor& dx);
    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw);

  private:
    int threads_;
    DirectConvolution direct_;
};

}  // namespace objloc::cpu
