// Convolution, gradient of the bias.   db[k] = sum over n,p,q of g[n,p,q,k]      (g: conv2d_gradient.h)
#pragma once

#include "objloc/kernels/reference/conv2d_gradient.h"

namespace objloc::reference {

inline double conv2d_backward_bias(const Conv2dProblem& g, const Array& dy, const Array& codes, int64_t k) {
    double sum = 0;
    for (int64_t n = 0; n < g.N; ++n) {
        for (int64_t p = 0; p < g.P(); ++p) {
            for (int64_t q = 0; q < g.Q(); ++q) sum += conv2d_gradient(g, dy, codes, n, p, q, k);
        }
    }
    return sum;
}

}  // namespace objloc::reference
