// Convolutions through cuDNN. Its engines take filters as (K, R, S, C), so weights are transposed and their
// gradients transposed back, unless one that reads (R, S, C, K) is faster (convolution_plans.cuh). Weights are
// transposed at each call: they are small, and a captured step may change them behind our back. Bias and ReLU are
// part of cuDNN's plan or a pass of our own, whichever is faster; ReLU's mask and pooling are passes of our
// own (epilogue.cu). What cuDNN cannot do, the base class's kernels do.
#include <algorithm>
#include <initializer_list>

#include "objloc/engine/error.h"
#include "objloc/kernels/cudnn/convolution_plans.cuh"
#include "objloc/kernels/cudnn/cudnn_backend.cuh"
#include "objloc/kernels/cudnn/epilogue.cuh"
#include "objloc/kernels/cudnn/whole_numbers.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

constexpr int64_t kAlignment = 16;
enum : uint32_t { kSeedX = 1, kSeedW, kSeedBias, kSeedY };  // of trials

/// What all these tensors' addresses are multiples of: kAlignment, or else the activation's element, and in a
/// tensor of larger elements these (ConvolutionGraphSpec). Throws Error for a tensor that lies off its own.
int64_t alignment_of(const Tensor& activation, std::initializer_list<const Tensor*> tensors) {
    int64_t alignment = kAlignment;
    for (const Tensor* tensor : tensors) {
        if (!*tensor) continue;
        const auto address = reinterpret_cast<uintptr_t>(tensor->raw());
        if (address % size_of(tensor->type()) != 0) {
            throw Error("cudnn", "a convolution's tensor begins amid an element",
                        "Tensors start at multiples of their element's size.");
        }
        if (address % kAlignment != 0) alignment = static_cast<int64_t>(size_of(activation.type()));
    }
    return alignment;
}

Shape x_shape(const Conv2dProblem& p) {
    return {p.N, p.H, p.W, p.C};
}
Shape w_shape(const Conv2dProblem& p) {
    return {p.R, p.S, p.C, p.K};
}
Shape transposed_shape(const Conv2dProblem& p) {
    return {p.K, p.R, p.S, p.C};
}
/// Before pooling.
Shape y_shape(const Conv2dProblem& p) {
    return {p.N, p.P(), p.Q(), p.K};
}
Shape pooled_shape(const Conv2dProblem& p) {
    return {p.N, p.out_rows(), p.out_columns(), p.K};
}

/// The problem as gradients see it: a pooled one was spread out before.
Conv2dProblem bare(Conv2dProblem problem) {
    problem.relu = problem.pool = false;
    return problem;
}

}  // namespace

Precision CudnnBackend::precision_of(const Tensor& activation) const {
    if (activation.type() == DType::bf16) return Precision::bf16;
    return precision_ == Precision::tf32 ? Precision::tf32 : Precision::fp32;
}

bool CudnnBackend::falls_back(const ConvolutionPlan& plan) const {
    if (plan.plan) return false;
    if (strict_) throw Error("cudnn", "there is no plan for a convolution: " + plan.refused);
    return true;
}

void CudnnBackend::run_plan(const ConvolutionPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
                            const Tensor& bias) {
    const Tensor workspace = allocate({plan.plan->workspace_bytes()}, DType::u8);
    plan.plan->run(cudnn_.get(), {x.raw(), w.raw(), y.raw(), bias ? bias.raw() : nullptr}, workspace.raw());
}

Tensor CudnnBackend::filters_for(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& w) {
    if (plan.route.filters_in_place) return w;
    const Tensor transposed = allocate(transposed_shape(problem), w.type());
    transpose(stream(), problem.R * problem.S * problem.C, problem.K, w, transposed);
    return transposed;
}

Tensor CudnnBackend::unpooled_gradient(const Conv2dProblem& problem, const Conv2dGradient& gradient) {
    if (!problem.pool) return gradient.dy;
    if (gradient.unpooled && *gradient.unpooled) return *gradient.unpooled;
    const Tensor full = allocate(y_shape(problem), gradient.dy.type());
    launch_unpool(stream(), problem, gradient.dy, gradient.codes, full);
    if (gradient.unpooled) *gradient.unpooled = full;
    return full;
}

// ---- Forward ----------------------------------------------------------------------------------------------

void CudnnBackend::forward_by(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& x,
                              const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes) {
    const Tensor sums = problem.pool ? allocate(y_shape(problem), y.type()) : y;
    run_plan(plan, x, filters_for(plan, problem, w), sums, bias);
    const float* shift = bias ? bias.data<float>() : nullptr;
    if (problem.pool) {
        bias_relu_pool(stream(), problem, sums, shift, y, codes);
    } else if (!plan.route.fused && (bias || problem.relu)) {
        add_bias(stream(), problem.N * problem.P() * problem.Q(), problem.K, problem.relu, y, shift, y);
    }
}

void CudnnBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                  const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0 || x.count() == 0) return CudaBackend::conv2d_forward(problem, x, w, bias, y, codes);
    const bool biased = static_cast<bool>(bias);
    const ConvolutionKey key{ConvPass::forward, problem, x.type(),
                             precision_of(x),   biased,  alignment_of(x, {&x, &w, &bias, &y})};
    const ConvolutionPlan& plan = plans_->find(key, [&] {
        const Tensor x_ = whole_numbers(*this, x_shape(problem), x.type(), kSeedX);
        const Tensor w_ = whole_numbers(*this, w_shape(problem), x.type(), kSeedW);
        const Tensor bias_ = biased ? whole_numbers(*this, {problem.K}, DType::f32, kSeedBias) : Tensor();
        const Tensor y_ = allocate(pooled_shape(problem), x.type());
        const Tensor codes_ = problem.pool ? allocate(pooled_shape(problem), DType::u8) : Tensor();
        return ConvolutionTrial{[=, this](const ConvolutionPlan& trial) {
                                    forward_by(trial, problem, x_, w_, bias_, y_, codes_);
                                },
                                y_};
    });
    if (falls_back(plan)) return CudaBackend::conv2d_forward(problem, x, w, bias, y, codes);
    forward_by(plan, problem, x, w, bias, y, codes);
}

// ---- Backward ---------------------------------------------------------------------------------------------

void CudnnBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                        const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (dx.count() == 0 || gradient.dy.count() == 0) {
        return CudaBackend::conv2d_backward_data(problem, gradient, w, relu_source, dx);
    }
    const auto by = [this, problem](const ConvolutionPlan& plan, const Tensor& dy, const Tensor& filters,
                                    const Tensor& to) {
        run_plan(plan, to, filters_for(plan, problem, filters), dy, {});
    };
    const Tensor dy = unpooled_gradient(problem, gradient);
    const ConvolutionKey key{ConvPass::backward_data, bare(problem), dx.type(),
                             precision_of(dx),        false,         alignment_of(dx, {&dy, &w, &dx})};
    const ConvolutionPlan& plan = plans_->find(key, [&] {
        const Tensor dy_ = whole_numbers(*this, y_shape(problem), dx.type(), kSeedY);
        const Tensor w_ = whole_numbers(*this, w_shape(problem), dx.type(), kSeedW);
        const Tensor dx_ = allocate(x_shape(problem), dx.type());
        return ConvolutionTrial{[=](const ConvolutionPlan& trial) { by(trial, dy_, w_, dx_); }, dx_};
    });
    if (falls_back(plan)) return CudaBackend::conv2d_backward_data(problem, gradient, w, relu_source, dx);
    by(plan, dy, w, dx);
    if (relu_source) relu_backward(dx, relu_source, dx);
}

void CudnnBackend::weights_by(const ConvolutionPlan& plan, const Conv2dProblem& problem, const Tensor& x,
                              const Tensor& dy, const Tensor& dw) {
    const ConvolutionRoute& route = plan.route;
    const bool direct = route.filters_in_place && route.weight_gradient == DType::f32;
    const Shape shape = route.filters_in_place ? w_shape(problem) : transposed_shape(problem);
    const Tensor written = direct ? dw : allocate(shape, route.weight_gradient);
    run_plan(plan, x, written, dy, {});
    if (!route.filters_in_place) {
        transpose(stream(), problem.K, problem.R * problem.S * problem.C, written, dw);
    } else if (!direct) {
        convert(written, dw);
    }
}

void CudnnBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                           const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0 || gradient.dy.count() == 0 || x.count() == 0) {
        return CudaBackend::conv2d_backward_weights(problem, x, gradient, dw);
    }
    const Tensor dy = unpooled_gradient(problem, gradient);
    const ConvolutionKey key{ConvPass::backward_weights,     bare(problem), x.type(), precision_of(x), false,
                             alignment_of(x, {&x, &dy, &dw})};
    const ConvolutionPlan& plan = plans_->find(key, [&] {
        const Tensor x_ = whole_numbers(*this, x_shape(problem), x.type(), kSeedX);
        const Tensor dy_ = whole_numbers(*this, y_shape(problem), x.type(), kSeedY);
        const Tensor dw_ = allocate(w_shape(problem), DType::f32);
        return ConvolutionTrial{
            [=, this](const ConvolutionPlan& trial) { weights_by(trial, problem, x_, dy_, dw_); }, dw_};
    });
    if (falls_back(plan)) return CudaBackend::conv2d_backward_weights(problem, x, gradient, dw);
    weights_by(plan, problem, x, dy, dw);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
