// The same ops through NVIDIA's libraries: cuDNN's convolutions, cuBLAS's products. It is the yardstick for
// our kernels, and a backend like the others.
//
// What stays ours: max pooling and its codes, since cuDNN leaves the choice among equal maxima open and does
// not say which it was; sums that cuDNN does not promise to repeat to the bit (bias gradients); and
// elementwise ops, which are one pass over memory either way. Algorithms are deterministic ones in full f32
// (no TF32), chosen by timing all that cuDNN has, once a problem.
#pragma once

#include <memory>

#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cudnn/handles.cuh"

namespace objloc::cuda {

class ConvolutionPlans;

class CudnnBackend : public CudaBackend {
  public:
    CudnnBackend();
    ~CudnnBackend() override;

    std::string description() const override;

    void conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                        const Tensor& y, const Tensor& codes) override;
    void conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient, const Tensor& w,
                              const Tensor& relu_source, const Tensor& dx) override;
    void conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                 const Conv2dGradient& gradient, const Tensor& dw) override;

    void dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                       const Tensor& y) override;
    void dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                             const Tensor& dx) override;
    void dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                const Tensor& dw) override;

  private:
    /// (R, S, C, K) to cuDNN's (K, R, S, C).
    Tensor to_krsc(const Conv2dProblem& problem, const Tensor& w);
    /// The gradient of every output pixel: dy itself, or a pooled one spread out.
    Tensor full_gradient(const Conv2dProblem& problem, const Conv2dGradient& gradient);

    Cudnn cudnn_;
    Cublas cublas_;
    Tensor cublas_workspace_;
    std::unique_ptr<ConvolutionPlans> plans_;
};

}  // namespace objloc::cuda
