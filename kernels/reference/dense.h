// Dense layer.   y[n,o] = bias[o] + sum over i of x[n,i] * w[i,o]
//                dx[n,i] = sum over o of dy[n,o] * w[i,o];  dw[i,o] = sum over n of x[n,i] * dy[n,o]
//                db[o] = sum over n of dy[n,o]
// x and dx (N, inputs), w and dw (inputs, outputs), bias (outputs) or empty, y and dy (N, outputs).
#pragma once

#include "objloc/engine/problem.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double dense_forward(const DenseProblem& g, const Array& x, const Array& w, const Array& bias,
                            int64_t n, int64_t o) {
    double sum = bias ? bias[o] : 0;
    for (int64_t i = 0; i < g.inputs; ++i) sum += x.at(n, i) * w.at(i, o);
    return sum;
}

inline double dense_backward_data(const DenseProblem& g, const Array& dy, const Array& w, int64_t n,
                                  int64_t i) {
    double sum = 0;
    for (int64_t o = 0; o < g.outputs; ++o) sum += dy.at(n, o) * w.at(i, o);
    return sum;
}

inline double dense_backward_weights(const DenseProblem& g, const Array& x, const Array& dy, int64_t i,
                                     int64_t o) {
    double sum = 0;
    for (int64_t n = 0; n < g.N; ++n) sum += x.at(n, i) * dy.at(n, o);
    return sum;
}

inline double dense_backward_bias(const DenseProblem& g, const Array& dy, int64_t o) {
    double sum = 0;
    for (int64_t n = 0; n < g.N; ++n) sum += dy.at(n, o);
    return sum;
}

}  // namespace objloc::reference
