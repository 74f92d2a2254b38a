// Dense layers, as tiles of oneDNN's sgemm on one thread each: the tiles do not depend on the number of
// threads, so neither do the bits, and one library call serves the localizer's (64, 8192) by (8192, 3) and a
// (64, 25088) by (25088, 4096) alike.
// x (N, inputs), w (inputs, outputs), y (N, outputs), row-major.
#include <algorithm>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/onednn.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {
namespace {

constexpr int64_t kTileRows = 64, kTileColumns = 256;

/// c (rows, columns) = op(a) op(b) + beta * c, where op transposes if asked, and sums run over `depth`.
struct Product {
    int64_t rows, columns, depth;
    const float* a;
    bool transpose_a;
    const float* b;
    bool transpose_b;
    float beta;
    float* c;
};

void multiply_tile(const Product& m, int64_t row, int64_t column) {
    const int64_t stride_a = m.transpose_a ? m.rows : m.depth, stride_b = m.transpose_b ? m.depth : m.columns;
    const float* a = m.a + (m.transpose_a ? row : row * stride_a);
    const float* b = m.b + (m.transpose_b ? column * stride_b : column);
    const cpu::TeamSize alone(1);
    const auto status =
        dnnl::sgemm(m.transpose_a ? 'T' : 'N', m.transpose_b ? 'T' : 'N', std::min(kTileRows, m.rows - row),
                    std::min(kTileColumns, m.columns - column), m.depth, 1.f, a, stride_a, b, stride_b,
                    m.beta, m.c + row * m.columns + column, m.columns);
    if (status == dnnl::status::success) return;
    throw Error("dense " + Shape({m.rows, m.depth}).text() + " by " + Shape({m.depth, m.columns}).text(),
                "oneDNN's sgemm failed with status " + std::to_string(static_cast<int>(status)));
}

void multiply(int threads, const Product& m) {
    const int64_t rows = (m.rows + kTileRows - 1) / kTileRows;
    const int64_t columns = (m.columns + kTileColumns - 1) / kTileColumns;
    cpu::parallel_for(threads, rows * columns, 1, [&](int64_t tile, int64_t) {
        multiply_tile(m, tile / columns * kTileRows, tile % columns * kTileColumns);
    });
}

}  // namespace

void CpuBackend::dense_forward(const DenseProblem& problem, const Tensor& x, const Tensor& w,
                               const Tensor& bias, const Tensor& y) {
    if (bias) {
        for (int64_t n = 0; n < problem.N; ++n) {
            std::copy_n(bias.data<float>(), problem.outputs, y.data<float>() + n * problem.outputs);
        }
    }
    multiply(threads_, {problem.N, problem.outputs, problem.inputs, x.data<float>(), false, w.data<float>(),
                        false, bias ? 1.f : 0.f, y.data<float>()});
}

void CpuBackend::dense_backward_data(const DenseProblem& problem, const Tensor& dy, const Tensor& w,
                                     const Tensor& dx) {
    multiply(threads_, {problem.N, problem.inputs, problem.outputs, dy.data<float>(), false, w.data<float>(),
                        true, 0.f, dx.data<float>()});
}

void CpuBackend::dense_backward_weights(const DenseProblem& problem, const Tensor& x, const Tensor& dy,
                                        const Tensor& dw) {
    multiply(threads_, {problem.inputs, problem.outputs, problem.N, x.data<float>(), true, dy.data<float>(),
                        false, 0.f, dw.data<float>()});
}

void CpuBackend::dense_backward_bias(const DenseProblem& problem, const Tensor& dy, const Tensor& db) {
    cpu::column_sums(threads_, problem.N, problem.outputs, dy.data<float>(), nullptr, db.data<float>());
}

}  // namespace objloc
