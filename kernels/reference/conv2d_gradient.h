// The gradient g[n,p,q,k] of a convolution's own output, out of what the backward ops are given:
//   dy itself, or with pooling dy[n,p/2,q/2,k] where the window's code points at (p,q), else 0.
// dy (N, out_rows, out_columns, K); codes the same shape, empty without pooling.
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double conv2d_gradient(const Conv2dProblem& g, const Array& dy, const Array& codes, int64_t n,
                              int64_t p, int64_t q, int64_t k) {
    if (!g.pool) return dy.at(n, p, q, k);
    if (p / 2 >= g.out_rows() || q / 2 >= g.out_columns()) return 0;  // the last odd row or column
    const bool chosen = codes.at(n, p / 2, q / 2, k) == static_cast<double>(2 * (p % 2) + q % 2);
    return chosen ? dy.at(n, p / 2, q / 2, k) : 0;
}

}  // namespace objloc::reference
