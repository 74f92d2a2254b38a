#include "objloc/kernels/cpu/conv2d/conv2d.h"

#include <algorithm>

#include "objloc/kernels/cpu/conv2d/few_channels/conv2d_few_channels.h"
#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {
namespace cpu {

// Of 8 channels a transform costs more than it saves (measured: half the speed of direct sums with 8 channels
// in and out, twice with 16).
bool Convolutions::use_winograd(const Conv2dProblem& problem) const {
    if (choice_ == CpuConv::direct || !winograd_applies(problem)) return false;
    return choice_ == CpuConv::winograd || std::min(problem.C, problem.K) >= 16;
}

void Convolutions::forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w, const Tensor& bias,
                           const Tensor& y, const Tensor& codes) {
    if (use_winograd(problem)) return winograd_.forward(problem, x, w, bias, y, codes);
    direct_.forward(problem, x, w, bias, y, codes);
}

void Convolutions::backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                 const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    if (use_winograd(problem)) return winograd_.backward_data(problem, gradient, w, relu_source, dx);
    direct_.backward_data(problem, gradient, w, relu_source, dx);
}

void Convolutions::backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                    const Conv2dGradient& gradient, const Tensor& dw) {
    if (use_winograd(problem)) return winograd_.backward_weights(problem, x, gradient, dw);
    if (!few_channels_applies(problem)) return direct_.backward_weights(problem, x, gradient, dw);
    const size_t floats = few_channels_scratch_floats(problem, threads_);
    const Tensor scratch({static_cast<int64_t>(floats)}, DType::f32,
                         std::make_shared<Storage>(allocator_, floats * sizeof(float)));
    few_channels_backward_weights(problem, x.data<float>(), gradient.dy.data<float>(), dw.data<float>(),
                                  scratch.data<float>(), threads_);
}

}  // namespace cpu

void CpuBackend::conv2d_forward(const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                                const Tensor& bias, const Tensor& y, const Tensor& codes) {
    convolutions_->forward(problem, x, w, bias, y, codes);
}

void CpuBackend::conv2d_backward_data(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    convolutions_->backward_data(problem, gradient, w, relu_source, dx);
}

void CpuBackend::conv2d_backward_weights(const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw) {
    convolutions_->backward_weights(problem, x, gradient, dw);
}

// db[k] = sum over n, p, q of dy[n,p,q,k]. A pooled gradient needs no expansion: each element reaches one
// place, or none when ReLU clipped its window.
void CpuBackend::conv2d_backward_bias(const Conv2dProblem& problem, const Conv2dGradient& gradient,
                                      const Tensor& db) {
    const int64_t rows = problem.N * problem.out_rows() * problem.out_columns();
    const uint8_t* codes = problem.pool ? gradient.codes.data<uint8_t>() : nullptr;
    cpu::column_sums(threads_, rows, problem.K, gradient.dy.data<float>(), codes, db.data<float>());
}

}  // namespace objloc
