// Convolution, gradient of the weights.
//   dw[r,s,c,k] = sum over n,p,q of x[n, p*stride_h + r - pad_top, q*stride_w + s - pad_left, c] * g[n,p,q,k]
// g: conv2d_gradient.h. x (N, H, W, C), dw (R, S, C, K).
#pragma once

#include "objloc/kernels/reference/conv2d_gradient.h"

namespace objloc::reference {

inline double conv2d_backward_weights(const Conv2dProblem& g, const Array& x, const Array& dy,
                                      const Array& codes, int64_t r, int64_t s, int64_t c, int64_t k) {
    double sum = 0;
    for (int64_t n = 0; n < g.N; ++n) {
        for (int64_t p = 0; p < g.P(); ++p) {
            for (int64_t q = 0; q < g.Q(); ++q) {
                const int64_t row = p * g.stride_h + r - g.pad_top, column = q * g.stride_w + s - g.pad_left;
                if (row < 0 || row >= g.H || column < 0 || column >= g.W) continue;
                sum += x.at(n, row, column, c) * conv2d_gradient(g, dy, codes, n, p, q, k);
            }
        }
    }
    return sum;
}

}  // namespace objloc::reference
