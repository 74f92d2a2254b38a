// Convolution, gradient of the input.
//   dx[n,h,w,c] = sum over r,s,k with p*stride_h + r - pad_top = h and q*stride_w + s - pad_left = w
//                 of g[n,p,q,k] * weights[r,s,c,k];   0 where relu_source is given and relu_source[n,h,w,c]
//                 <= 0
// g: conv2d_gradient.h. weights (R, S, C, K), relu_source and dx (N, H, W, C).
#pragma once

#include "objloc/kernels/reference/conv2d_gradient.h"

namespace objloc::reference {

inline double conv2d_backward_data(const Conv2dProblem& g, const Array& dy, const Array& codes,
                                   const Array& weights, const Array& relu_source, int64_t n, int64_t h,
                                   int64_t w, int64_t c) {
    if (relu_source && relu_source.at(n, h, w, c) <= 0) return 0;
    double sum = 0;
    for (int64_t r = 0; r < g.R; ++r) {
        for (int64_t s = 0; s < g.S; ++s) {
            const int64_t down = h + g.pad_top - r, right = w + g.pad_left - s;
            if (down < 0 || right < 0 || down % g.stride_h != 0 || right % g.stride_w != 0) continue;
            const int64_t p = down / g.stride_h, q = right / g.stride_w;
            if (p >= g.P() || q >= g.Q()) continue;
            for (int64_t k = 0; k < g.K; ++k) {
                sum += conv2d_gradient(g, dy, codes, n, p, q, k) * weights.at(r, s, c, k);
            }
        }
    }
    return sum;
}

}  // namespace objloc::reference
