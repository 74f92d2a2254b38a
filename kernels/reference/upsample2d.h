// Upsampling by nearest neighbours.   y[n,p,q,c] = x[n,p/2,q/2,c]
//                                     dx[n,h,w,c] = sum of dy over the pixels that took it
// x, dx (N, H, W, C); y, dy (N, P, Q, C), P = 2H or 2H - 1, Q likewise.
#pragma once

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

/// Calls `visit(n, p, q, c)` for each element of an array (N, P, Q, C).
template <typename Visit>
void each_upsampled(const Shape& shape, const Visit& visit) {
    for (int64_t n = 0; n < shape[0]; ++n) {
        for (int64_t p = 0; p < shape[1]; ++p) {
            for (int64_t q = 0; q < shape[2]; ++q) {
                for (int64_t c = 0; c < shape[3]; ++c) visit(n, p, q, c);
            }
        }
    }
}

inline void upsample2d_forward(const Array& x, Array& y) {
    each_upsampled(y.shape, [&](int64_t n, int64_t p, int64_t q, int64_t c) {
        y.at(n, p, q, c) = x.at(n, p / 2, q / 2, c);
    });
}

inline void upsample2d_backward(const Array& dy, Array& dx) {
    for (double& value : dx.values) value = 0;
    each_upsampled(dy.shape, [&](int64_t n, int64_t p, int64_t q, int64_t c) {
        dx.at(n, p / 2, q / 2, c) += dy.at(n, p, q, c);
    });
}

}  // namespace objloc::reference
