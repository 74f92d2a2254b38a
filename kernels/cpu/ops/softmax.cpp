// Softmax over the last axis. y[c] = exp(x[c] - max) / sum over c of exp(x[c] - max), where max is the row's largest x,
// so that nothing overflows; dx[c] = y[c] * (dy[c] - sum over c of dy[c] * y[c]).
// x, y, dx, dy (rows, C). A row is one thread's; sums are taken in double.
#include <algorithm>
#include <cmath>

#include "objloc/kernels/cpu/ops/rows.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {
namespace {

void forward(int64_t C, const float* x, float* y) {
    const float max = *std::max_element(x, x + C);
    double sum = 0;
    for (int64_t c = 0; c < C; ++c) {
        y[c] = std::exp(x[c] - max);
        sum += static_cast<double>(y[c]);
    }
    const auto whole = static_cast<float>(sum);
    for (int64_t c = 0; c < C; ++c) y[c] /= whole;
}

void backward(int64_t C, const float* dy, const float* y, float* dx) {
    double sum = 0;
    for (int64_t c = 0; c < C; ++c) sum += static_cast<double>(dy[c]) * static_cast<double>(y[c]);
    const auto mean = static_cast<float>(sum);
    for (int64_t c = 0; c < C; ++c) dx[c] = y[c] * (dy[c] - mean);
}

}  // namespace

void CpuBackend::softmax_forward(const Tensor& x, const Tensor& y) {
    cpu::each_row(threads_, x, [&](int64_t C, int64_t row) {
        forward(C, x.data<float>() + row * C, y.data<float>() + row * C);
    });
}

void CpuBackend::softmax_backward(const Tensor& dy, const Tensor& y, const Tensor& dx) {
    cpu::each_row(threads_, dx, [&](int64_t C, int64_t row) {
        backward(C, dy.data<float>() + row * C, y.data<float>() + row * C, dx.data<float>() + row * C);
    });
}

}  // namespace objloc
