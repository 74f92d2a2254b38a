// Softmax over the last axis, and its cross-entropy against a label, of each row of C.
//   y[c] = exp(x[c]) / sum of exp(x);                     dx[c] = y[c] * (dy[c] - sum of dy * y)
//   loss = log(sum of exp(z)) - z[label];                   dz[c] = dloss * (softmax(z)[c] - (c == label))
#pragma once

#include <algorithm>
#include <cmath>

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline int64_t columns_of(const Array& x) {
    return x.shape[x.shape.rank() - 1];
}

/// The sum of exp(x[c] - shift) over the row of C elements from `first` on.
inline double sum_of_exp(const Array& x, int64_t first, int64_t C, double shift) {
    double sum = 0;
    for (int64_t c = 0; c < C; ++c) sum += std::exp(x[first + c] - shift);
    return sum;
}

inline double largest_of(const Array& x, int64_t first, int64_t C) {
    double largest = x[first];
    for (int64_t c = 1; c < C; ++c) largest = std::max(largest, x[first + c]);
    return largest;
}

inline void softmax_forward(const Array& x, Array& y) {
    const int64_t C = columns_of(x);
    for (int64_t i = 0; i < x.count(); ++i) {
        const int64_t first = i / C * C;
        const double largest = largest_of(x, first, C);
        y[i] = std::exp(x[i] - largest) / sum_of_exp(x, first, C, largest);
    }
}

inline void softmax_backward(const Array& dy, const Array& y, Array& dx) {
    const int64_t C = columns_of(y);
    for (int64_t i = 0; i < y.count(); ++i) {
        double sum = 0;
        for (int64_t c = 0; c < C; ++c) sum += dy[i / C * C + c] * y[i / C * C + c];
        dx[i] = y[i] * (dy[i] - sum);
    }
}

inline void softmax_cross_entropy_forward(const Array& z, const Array& labels, Array& loss) {
    const int64_t C = columns_of(z);
    for (int64_t row = 0; row < loss.count(); ++row) {
        const double largest = largest_of(z, row * C, C);
        loss[row] = std::log(sum_of_exp(z, row * C, C, largest)) + largest -
                    z[row * C + static_cast<int64_t>(labels[row])];
    }
}

inline void softmax_cross_entropy_backward(const Array& z, const Array& labels, const Array& dloss,
                                           Array& dz) {
    const int64_t C = columns_of(z);
    softmax_forward(z, dz);
    for (int64_t i = 0; i < z.count(); ++i) {
        if (static_cast<double>(i % C) == labels[i / C]) dz[i] -= 1;
        dz[i] *= dloss[i / C];
    }
}

}  // namespace objloc::reference
