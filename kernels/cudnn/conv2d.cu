// Convolutions through cuDNN. Weights are turned to its layout (K, R, S, C) and back at each call: they are
// small, and a captured step may change them behind our back. Bias, ReLU and pooling are passes of our own
// (epilogue.cu). What cuDNN cannot do, the base class's kernels do.
#include "kernels/cudnn/convolution_plans.cuh"
#include "kernels/cudnn/cudnn_backend.cuh"
#include "kernels/cudnn/epilogue.cuh"

namespace objloc::cuda {
namespace {

constexpr float kOne = 1, kZero = 0;

}  // namespace

Tensor CudnnBackend::to_krsc(const Conv2dProblem& problem, const Tensor& w) {
    const Tensor turned = allocate({problem.K, problem.R, problem.S, problem.C});
    transpose(stream(), problem.R * problem.S * problem.C, problem.K, w.data<float>(), turned.data<float>());
    return turned;
}

Tensor CudnnBackend::full_gradient(const Conv2dProblem& problem, const Conv2dGradient& gradient) {
    if (!problem.pool) return gradient.dy;
    const Tensor full = allocate({problem.N, problem.P(), problem.Q(), problem.K});
    spread_gradient(stream(), problem, gradient.dy.data<float>(), gradient.codes.data<uint8_t>(),
                    full.data<float>());
    return full;
}

void CudnnBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                  const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0) return;
    const Tensor turned = to_krsc(problem, w);
    const Tensor sums = problem.pool ? allocate({problem.N, problem.P(), problem.Q(), problem.K}) : y;
    const ConvolutionPlan& plan =
        plans_->find(Pass::forward, problem, x.data<float>(), turned.data<float>(), sums.data<float>());
    if (!plan.refused.empty()) return CudaBackend::conv2d_forward(problem, x, w, bias, y, codes);
    const Tensor workspace = allocate({static_cast<int64_t>(plan.workspace)}, DType::u8);
    check_cudnn(cudnnConvolutionForward(cudnn_.get(), &kOne, plan.x.get(), x.raw(), plan.w.get(),
                                        turned.raw(), plan.convolution.get(),
                                        static_cast<cudnnConvolutionFwdAlgo_t>(plan.algorithm),
                                        workspace.raw(), plan.workspace, &kZero, plan.y.get(), sums.raw()),
                "conv2d_forward");
    const float* shift = bias ? bias.data<float>() : nullptr;
    if (problem.pool) {
        bias_relu_pool(stream(), problem, sums.data<float>(), shift, y.data<float>(), codes.data<uint8_t>());
    } else if (bias || problem.relu) {
        add_bias(stream(), problem.N * problem.P() * problem.Q(), problem.K, problem.relu, y.data<float>(),
                 shift, y.data<float>());
    }
}

void CudnnBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                        const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (dx.count() == 0) return;
    const Tensor turned = to_krsc(problem, w);
    const Tensor dy = full_gradient(problem, gradient);
    const ConvolutionPlan& plan =
        plans_->find(Pass::backward_data, problem, turned.data<float>(), dy.data<float>(), dx.data<float>());
    if (!plan.refused.empty()) {
        return CudaBackend::conv2d_backward_data(problem, gradient, w, relu_source, dx);
    }
    const Tensor workspace = allocate({static_cast<int64_t>(plan.workspace)}, DType::u8);
    check_cudnn(cudnnConvolutionBackwardData(cudnn_.get(), &kOne, plan.w.get(), turned.raw(), plan.y.get(),
                                             dy.raw(), plan.convolution.get(),
                                             static_cast<cudnnConvolutionBwdDataAlgo_t>(plan.algorithm),
                                             workspace.raw(), plan.workspace, &kZero, plan.x.get(), dx.raw()),
                "conv2d_backward_data");
    if (relu_source) relu_backward(dx, relu_source, dx);
}

void CudnnBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                           const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0 || gradient.dy.count() == 0) {
        return CudaBackend::conv2d_backward_weights(problem, x, gradient, dw);
    }
    const Tensor dy = full_gradient(problem, gradient);
    const Tensor turned = allocate({problem.K, problem.R, problem.S, problem.C});
    const ConvolutionPlan& plan = plans_->find(Pass::backward_weights, problem, x.data<float>(),
                                               dy.data<float>(), turned.data<float>());
    if (!plan.refused.empty()) return CudaBackend::conv2d_backward_weights(problem, x, gradient, dw);
    const Tensor workspace = allocate({static_cast<int64_t>(plan.workspace)}, DType::u8);
    check_cudnn(cudnnConvolutionBackwardFilter(
                    cudnn_.get(), &kOne, plan.x.get(), x.raw(), plan.y.get(), dy.raw(),
                    plan.convolution.get(), static_cast<cudnnConvolutionBwdFilterAlgo_t>(plan.algorithm),
                    workspace.raw(), plan.workspace, &kZero, plan.w.get(), turned.raw()),
                "conv2d_backward_weights");
    transpose(stream(), problem.K, problem.R * problem.S * problem.C, turned.data<float>(), dw.data<float>());
}

}  // namespace objloc::cuda
