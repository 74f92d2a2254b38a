// Matrix products of a batch.   y[b,m,n] = sum over k of op(a)[b,m,k] * op(b)[b,k,n]
// a (M, K), or (K, M) if it is transposed; b (K, N), or (N, K); y (M, N).
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

/// Element `i` of y.
inline double matmul(const MatmulProblem& g, const Array& a, const Array& b, int64_t i) {
    const int64_t n = i % g.N, m = i / g.N % g.M, matrix = i / g.N / g.M;
    double sum = 0;
    for (int64_t k = 0; k < g.K; ++k) {
        const int64_t of_a = g.transpose_a ? k * g.M + m : m * g.K + k;
        const int64_t of_b = g.transpose_b ? n * g.K + k : k * g.N + n;
        sum += a[matrix * g.M * g.K + of_a] * b[matrix * g.K * g.N + of_b];
    }
    return sum;
}

}  // namespace objloc::reference
