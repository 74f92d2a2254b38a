// Dense layers, as matrix products (product.h).
// x (N, inputs), w (inputs, outputs), y (N, outputs), row-major.
#include <algorithm>

#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/ops/product.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {

void CpuBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                               const Tensor& bias, const Tensor& y) {
    if (bias) {
        for (int64_t n = 0; n < problem.N; ++n) {
            std::copy_n(bias.data<float>(), problem.outputs, y.data<float>() + n * problem.outputs);
        }
    }
    cpu::multiply(threads_, {1, problem.N, problem.outputs, problem.inputs, x.data<float>(), false,
                             w.data<float>(), false, bias ? 1.f : 0.f, y.data<float>()});
}

void CpuBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                     const Tensor& dx) {
    cpu::multiply(threads_, {1, problem.N, problem.inputs, problem.outputs, dy.data<float>(), false,
                             w.data<float>(), true, 0.f, dx.data<float>()});
}

void CpuBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                        const Tensor& dw) {
    cpu::multiply(threads_, {1, problem.inputs, problem.outputs, problem.N, x.data<float>(), true,
                             dy.data<float>(), false, 0.f, dw.data<float>()});
}

void CpuBackend::dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) {
    cpu::column_sums(threads_, problem.N, problem.outputs, dy.data<float>(), nullptr, db.data<float>());
}

}  // namespace objloc
