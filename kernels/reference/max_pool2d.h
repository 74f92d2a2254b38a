// Max pooling.   y[n,p,q,c] = max over r,s of x[n, p*stride_h + r, q*stride_w + s, c]
//                positions[n,p,q,c] = r * S + s of the first maximum in row-major order
//                dx[n,h,w,c] = sum of dy over the windows whose position is (h,w)
// x and dx (N, H, W, C); y, dy and positions (N, P, Q, C).
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline void max_pool2d_forward(const Pool2dProblem& g, const Array& x, Array& y, Array& positions) {
    for (int64_t i = 0; i < y.count(); ++i) {
        const int64_t c = i % g.C, q = i / g.C % g.Q(), p = i / (g.C * g.Q()) % g.P(),
                      n = i / (g.C * g.Q() * g.P());
        for (int64_t place = 0; place < g.R * g.S; ++place) {
            const double value = x.at(n, p * g.stride_h + place / g.S, q * g.stride_w + place % g.S, c);
            if (place > 0 && value <= y[i]) continue;
            y[i] = value;
            positions[i] = static_cast<double>(place);
        }
    }
}

inline void max_pool2d_backward(const Pool2dProblem& g, const Array& dy, const Array& positions, Array& dx) {
    for (double& value : dx.values) value = 0;
    for (int64_t i = 0; i < dy.count(); ++i) {
        const int64_t c = i % g.C, q = i / g.C % g.Q(), p = i / (g.C * g.Q()) % g.P(),
                      n = i / (g.C * g.Q() * g.P());
        const auto place = static_cast<int64_t>(positions[i]);
        dx.at(n, p * g.stride_h + place / g.S, q * g.stride_w + place % g.S, c) += dy[i];
    }
}

}  // namespace objloc::reference
