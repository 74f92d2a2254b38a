// Convolution by Winograd F(4x4, 3x3) (winograd.h) on tensors: finds scratch memory, and keeps transformed
// weights until the next update.
#pragma once

#include <memory>

#include "objloc/kernels/cpu/conv2d/conv2d_kernel.h"
#include "objloc/kernels/cpu/conv2d/weight_cache.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"

namespace objloc::cpu {

/// For problems that `winograd_applies` to.
class WinogradConvolution final : public Conv2dPasses {
  public:
    WinogradConvolution(int threads, std::shared_ptr<CachingAllocator> allocator)
        : threads_(threads), allocator_(allocator), weights_(std::move(allocator)) {}

    void forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                 const Tensor& y, const Tensor& codes) override;
    void backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                       const Tensor& relu_source, const Tensor& dx) override;
    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw) override;

  private:
    const float* weights(const Conv2dProblem& problem, WinogradPass pass, const Tensor& w);
    Tensor scratch(const Conv2dProblem& problem, WinogradPass pass) const;

    int threads_;
    std::shared_ptr<CachingAllocator> allocator_;
    WeightCache weights_;
    uint64_t forward_form_ = WeightCache::unique_form(), backward_form_ = WeightCache::unique_form();
};

}  // namespace objloc::cpu
