// Max pooling. y[n,p,q,c] = max over r,s of x[n, p*stride_h + r, q*stride_w + s, c]; positions = r * S + s.
// x (N, H, W, C), y and positions (N, P, Q, C). Ties: the first maximum in row-major order wins.
// The gradient is gathered, not scattered: windows may overlap, and each dx is then one thread's sum, in
// order.
#include <algorithm>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

// One element of the window, for all channels: x, y and positions (C).
OBJLOC_SIMD void take_greater(int64_t C, const float* x, int32_t position, float* y, int32_t* positions) {
#pragma omp simd
    for (int64_t c = 0; c < C; ++c) {
        const bool greater = x[c] > y[c];
        y[c] = greater ? x[c] : y[c];
        positions[c] = greater ? position : positions[c];
    }
}

// dx[c] += dy[c] where the maximum was at `position`.
OBJLOC_SIMD void add_where(int64_t C, const float* dy, const int32_t* positions, int32_t position,
                           float* dx) {
#pragma omp simd
    for (int64_t c = 0; c < C; ++c) dx[c] += positions[c] == position ? dy[c] : 0;
}

// The windows along one axis that cover coordinate `at`: [first, last).
struct Windows {
    int64_t first, last;
};
Windows windows_over(int64_t at, int64_t size, int64_t stride, int64_t count) {
    const int64_t first = at < size ? 0 : (at - size) / stride + 1;
    return {first, std::min(count, at / stride + 1)};
}

}  // namespace

void CpuBackend::max_pool2d_forward(const Pool2dProblem& problem, const Tensor& x, const Tensor& y,
                                    const Tensor& positions) {
    const Pool2dProblem m = problem;
    const int64_t P = m.P(), Q = m.Q(), C = m.C;
    cpu::parallel_for(threads_, m.N * P, 1, [&](int64_t row, int64_t) {
        const int64_t n = row / P, p = row % P;
        for (int64_t q = 0; q < Q; ++q) {
            float* to = y.data<float>() + (row * Q + q) * C;
            int32_t* at = positions.data<int32_t>() + (row * Q + q) * C;
            for (int64_t r = 0; r < m.R; ++r) {
                for (int64_t s = 0; s < m.S; ++s) {
                    const int64_t pixel = (n * m.H + p * m.stride_h + r) * m.W + q * m.stride_w + s;
                    const float* from = x.data<float>() + pixel * C;
                    if (r == 0 && s == 0) {
                        std::copy_n(from, C, to);
                        std::fill_n(at, C, 0);
                    } else {
                        take_greater(C, from, static_cast<int32_t>(r * m.S + s), to, at);
                    }
                }
            }
        }
    });
}

void CpuBackend::max_pool2d_backward(const Pool2dProblem& problem, const Tensor& dy, const Tensor& positions,
                                     const Tensor& dx) {
    const Pool2dProblem m = problem;
    const int64_t P = m.P(), Q = m.Q(), C = m.C;
    cpu::parallel_for(threads_, m.N * m.H, 1, [&](int64_t row, int64_t) {
        const int64_t n = row / m.H, h = row % m.H;
        float* to = dx.data<float>() + row * m.W * C;
        std::fill_n(to, m.W * C, 0.f);
        const Windows rows = windows_over(h, m.R, m.stride_h, P);
        for (int64_t w = 0; w < m.W; ++w) {
            const Windows columns = windows_over(w, m.S, m.stride_w, Q);
            for (int64_t p = rows.first; p < rows.last; ++p) {
                for (int64_t q = columns.first; q < columns.last; ++q) {
                    const int64_t at = ((n * P + p) * Q + q) * C;
                    const int64_t position = (h - p * m.stride_h) * m.S + w - q * m.stride_w;
                    add_where(C, dy.data<float>() + at, positions.data<int32_t>() + at,
                              static_cast<int32_t>(position), to + w * C);
                }
            }
        }
    });
}

}  // namespace objloc
