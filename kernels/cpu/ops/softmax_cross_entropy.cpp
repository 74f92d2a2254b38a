// Cross-entropy of softmax(z) against a label, from the logits z, of each row.
//     loss = log(sum over c of exp(z[c] - max)) - (z[label] - max);   dz[c] = dloss * (softmax(z)[c] - (c == label))
// where max is the row's largest z, so that nothing overflows. A label outside of [0, C) gives NaN.
// z, dz (rows, C), labels (rows) i32, loss, dloss (rows). A row is one thread's; sums are taken in double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "objloc/kernels/cpu/ops/rows.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// The largest of a row's logits, and the sum of exp(z[c] - largest).
struct Row {
    float max;
    double sum = 0;

    Row(int64_t C, const float* z) : max(*std::max_element(z, z + C)) {
        for (int64_t c = 0; c < C; ++c) sum += static_cast<double>(std::exp(z[c] - max));
    }
};

float loss_of(int64_t C, const float* z, int32_t label) {
    if (label < 0 || label >= C) return kNaN;
    const Row row(C, z);
    return static_cast<float>(std::log(row.sum) - static_cast<double>(z[label] - row.max));
}

void gradient_of(int64_t C, const float* z, int32_t label, float dloss, float* dz) {
    const Row row(C, z);
    const auto sum = static_cast<float>(row.sum);
    const float scale = label < 0 || label >= C ? kNaN : dloss;
    for (int64_t c = 0; c < C; ++c)
        dz[c] = scale * (std::exp(z[c] - row.max) / sum - (c == label ? 1.f : 0.f));
}

}  // namespace

void CpuBackend::softmax_cross_entropy_forward(const Tensor& z, const Tensor& labels, const Tensor& loss) {
    cpu::each_row(threads_, z, [&](int64_t C, int64_t row) {
        loss.data<float>()[row] = loss_of(C, z.data<float>() + row * C, labels.data<int32_t>()[row]);
    });
}

void CpuBackend::softmax_cross_entropy_backward(const Tensor& z, const Tensor& labels, const Tensor& dloss,
                                                const Tensor& dz) {
    cpu::each_row(threads_, z, [&](int64_t C, int64_t row) {
        gradient_of(C, z.data<float>() + row * C, labels.data<int32_t>()[row], dloss.data<float>()[row],
                    dz.data<float>() + row * C);
    });
}

}  // namespace objloc
