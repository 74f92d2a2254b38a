// Activation functions: struct NAME of engine/elementwise_ops.inc. `value` is y, `gradient` is dx from dy and from
// what the list says that the gradient reads.
#pragma once

#include <cmath>

#include "objloc/engine/host_device.h"

namespace objloc::functions {

/// max(0, x); NaN stays NaN, so that a diverged run is seen. The gradient at 0 is 0, as in TensorFlow.
struct relu {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return x <= T(0) ? T(0) : x;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T y) const {
        return y > T(0) ? dy : T(0);
    }
};

/// x where it is positive, else slope * x. The gradient at 0 is the slope, as in TensorFlow.
/// Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
struct leaky_relu {
    float slope;

    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return x <= T(0) ? T(slope) * x : x;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T x) const {
        return x > T(0) ? dy : T(slope) * dy;
    }
};

/// 1 / (1 + exp(-x)). exp is only taken of numbers that are not positive: it overflows for no x.
struct sigmoid {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        const T e = std::exp(-std::abs(x));
        return (x >= T(0) ? T(1) : e) / (T(1) + e);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T y) const {
        return dy * y * (T(1) - y);
    }
};

struct tanh {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return std::tanh(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T y) const {
        return dy * ((T(1) - y) * (T(1) + y));  // 1 - y * y would cancel where y is near 1
    }
};

/// x times the normal distribution's probability of a value below x, exact: keras.activations.gelu(approximate=False).
/// Source: Hendrycks, Gimpel, "Gaussian error linear units", 2016.
struct gelu {
    /// The probability, by erfc: 1 + erf would cancel where x is far below 0.
    template <typename T>
    OBJLOC_HOST_DEVICE static T below(T x) {
        constexpr T kSqrtHalf = T(0.70710678118654752440);
        return T(0.5) * std::erfc(-x * kSqrtHalf);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return x * below(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T x) const {
        constexpr T kDensityAtZero = T(0.39894228040143267794);  // 1 / sqrt(2 pi)
        return dy * (below(x) + x * kDensityAtZero * std::exp(T(-0.5) * x * x));
    }
};

}  // namespace objloc::functions
