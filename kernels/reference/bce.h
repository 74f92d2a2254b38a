// Mean binary cross-entropy of probabilities, as keras.losses.binary_crossentropy.
//   c = min(max(p, 1e-7), 1 - 1e-7);   loss = -(1/n) sum of t log(c) + (1 - t) log(1 - c)
//   dp = dloss / n * (c - t) / (c (1 - c)) where c = p, else 0
// The bounds are Keras's f32 ones: 1 - 1e-7 is the f32 number 1 - 2^-23, and the loss of a sure
// mistake 15.94.
#pragma once

#include <algorithm>
#include <cmath>

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double bce_clip(double p) {
    return std::min(std::max(p, double{1e-7f}), double{1.0f - 1e-7f});
}

inline double bce_forward(const Array& p, const Array& t) {
    double sum = 0;
    for (int64_t i = 0; i < p.count(); ++i) {
        const double c = bce_clip(p[i]);
        sum -= t[i] * std::log(c) + (1 - t[i]) * std::log(1 - c);
    }
    return sum / static_cast<double>(p.count());
}

inline double bce_backward(double p, double t, double dloss, int64_t count) {
    const double c = bce_clip(p);
    return c == p ? dloss / static_cast<double>(count) * (c - t) / (c * (1 - c)) : 0;
}

}  // namespace objloc::reference
