// Mean binary cross-entropy of sigmoid(z), as tf.nn.sigmoid_cross_entropy_with_logits.
//   loss = (1/n) sum of max(z, 0) - z t + log(1 + exp(-|z|));   dz = dloss / n * (sigmoid(z) - t)
#pragma once

#include <algorithm>
#include <cmath>

#include "objloc/kernels/functions/activations.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double sigmoid_bce_forward(const Array& z, const Array& t) {
    double sum = 0;
    for (int64_t i = 0; i < z.count(); ++i) {
        sum += std::max(z[i], 0.0) - z[i] * t[i] + std::log1p(std::exp(-std::abs(z[i])));
    }
    return sum / static_cast<double>(z.count());
}

inline double sigmoid_bce_backward(double z, double t, double dloss, int64_t count) {
    return dloss / static_cast<double>(count) * (functions::sigmoid{}.value(z) - t);
}

}  // namespace objloc::reference
