#include "objloc/kernels/cpu/conv2d/winograd/conv2d_winograd.h"

#include <algorithm>

namespace objloc::cpu {
namespace {

template <typename T>
T* data_or_null(const Tensor& tensor) {
    return tensor ? tensor.data<T>() : nullptr;
}

}  // namespace

void WinogradConvolution::forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                  const Tensor& bias, const Tensor& y, const Tensor& codes) {
    const float* transformed = weights(problem, WinogradPass::forward, w);
    winograd_forward(problem, x.data<float>(), transformed, data_or_null<float>(bias), y.data<float>(),
                     data_or_null<uint8_t>(codes), scratch(problem, WinogradPass::forward).raw(), threads_);
}

void WinogradConvolution::backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                        const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    const float* transformed = weights(problem, WinogradPass::backward_data, w);
    winograd_backward_data(problem, gradient.dy.data<float>(), data_or_null<uint8_t>(gradient.codes),
                           transformed, data_or_null<float>(relu_source), dx.data<float>(),
                           scratch(problem, WinogradPass::backward_data).raw(), threads_);
}

void WinogradConvolution::backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                           const Conv2dGradient& gradient, const Tensor& dw) {
    winograd_backward_weights(problem, x.data<float>(), gradient.dy.data<float>(),
                              data_or_null<uint8_t>(gradient.codes), dw.data<float>(),
                              scratch(problem, WinogradPass::backward_weights).raw(), threads_);
}

const float* WinogradConvolution::weights(const Conv2dProblem& problem, WinogradPass pass, const Tensor& w) {
    const bool is_forward = pass == WinogradPass::forward;
    const size_t bytes = winograd_weight_floats(problem, pass) * sizeof(float);
    const auto transform =
        is_forward ? winograd_transform_weights_forward : winograd_transform_weights_backward;
    return static_cast<const float*>(weights_.get(
        w, is_forward ? forward_form_ : backward_form_, bytes,
        [&](void* to) { transform(problem, w.data<float>(), static_cast<float*>(to), threads_); }));
}

Tensor WinogradConvolution::scratch(const Conv2dProblem& problem, WinogradPass pass) const {
    const size_t bytes = winograd_scratch_bytes(problem, pass, threads_);
    return {{static_cast<int64_t>(bytes)}, DType::u8, std::make_shared<Storage>(allocator_, bytes)};
}

const Conv2dKernel conv2d_kernels::winograd = {
    {.name = "winograd",
     .family = "winograd",
     .needs = {},
     // The transforms need fp32.
     .applies =
         [](ConvPass, const Conv2dProblem& problem, Precision arithmetic) {
             return arithmetic == Precision::fp32 && winograd_applies(problem);
         },
     // Of 8 channels a transform costs more than it saves (measured: half the speed of direct sums with 8 channels in
     // and out, twice with 16).
     .preference =
         [](ConvPass, const Conv2dProblem& problem) {
             return std::min(problem.C, problem.K) >= 16 ? 1 : kOnlyWhereAsked;
         }},
    [](int threads, Precision,
       const std::shared_ptr<CachingAllocator>& allocator) -> std::unique_ptr<Conv2dPasses> {
        return std::make_unique<WinogradConvolution>(threads, allocator);
    },
};

}  // namespace objloc::cpu
