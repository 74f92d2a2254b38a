// Convolution, forward.
//   s[n,p,q,k] = bias[k] + sum over r,s,c of x[n, p*stride_h + r - pad_top, q*stride_w + s - pad_left, c] *
//   w[r,s,c,k] y = s, or max(0, s) with ReLU; with pooling the maximum of each whole 2x2 window of that.
// x (N, H, W, C), w (R, S, C, K), bias (K) or empty, y and codes (N, out_rows, out_columns, K).
#pragma once

#include <algorithm>

#include "objloc/engine/problem.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

/// The convolution's own output, before activation and pooling.
inline double conv2d_sum(const Conv2dProblem& g, const Array& x, const Array& w, const Array& bias, int64_t n,
                         int64_t p, int64_t q, int64_t k) {
    double sum = bias ? bias[k] : 0;
    for (int64_t r = 0; r < g.R; ++r) {
        for (int64_t s = 0; s < g.S; ++s) {
            const int64_t row = p * g.stride_h + r - g.pad_top, column = q * g.stride_w + s - g.pad_left;
            if (row < 0 || row >= g.H || column < 0 || column >= g.W) continue;
            for (int64_t c = 0; c < g.C; ++c) sum += x.at(n, row, column, c) * w.at(r, s, c, k);
        }
    }
    return sum;
}

/// Value and code of one element of y. A ReLU that clips to exactly 0 passes no gradient, so it counts as
/// clipped.
struct Conv2dOutput {
    double value, code;
};

inline Conv2dOutput conv2d_output(const Conv2dProblem& g, const Array& x, const Array& w, const Array& bias,
                                  int64_t n, int64_t p, int64_t q, int64_t k) {
    Conv2dOutput best{};
    if (g.pool) {
        for (int64_t place = 0; place < 4; ++place) {
            const double sum = conv2d_sum(g, x, w, bias, n, 2 * p + place / 2, 2 * q + place % 2, k);
            if (place == 0 || sum > best.value) best = {sum, static_cast<double>(place)};
        }
    } else {
        best.value = conv2d_sum(g, x, w, bias, n, p, q, k);
    }
    if (g.relu && best.value <= 0) best = {0, kPoolClipped};
    return best;
}

/// `codes` may be empty when the problem does not pool.
inline void conv2d_forward(const Conv2dProblem& g, const Array& x, const Array& w, const Array& bias,
                           Array& y, Array* codes) {
    for (int64_t n = 0; n < g.N; ++n) {
        for (int64_t p = 0; p < g.out_rows(); ++p) {
            for (int64_t q = 0; q < g.out_columns(); ++q) {
                for (int64_t k = 0; k < g.K; ++k) {
                    const Conv2dOutput output = conv2d_output(g, x, w, bias, n, p, q, k);
                    y.at(n, p, q, k) = output.value;
                    if (codes) codes->at(n, p, q, k) = output.code;
                }
            }
        }
    }
}

}  // namespace objloc::reference
