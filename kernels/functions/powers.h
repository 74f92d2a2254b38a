// Exponential, logarithm and square root: struct NAME of engine/elementwise_ops.inc. `value` is y, `gradient` is dx
// from dy and from what the list says that the gradient reads.
#pragma once

#include <cmath>

#include "objloc/engine/host_device.h"

namespace objloc::functions {

struct exp {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return std::exp(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T y) const {
        return dy * y;
    }
};

/// The natural logarithm: -infinity at 0, NaN below.
struct log {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return std::log(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T x) const {
        return dy / x;
    }
};

/// NaN below 0; the gradient at 0 is infinite.
struct sqrt {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return std::sqrt(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T y) const {
        return dy / (T(2) * y);
    }
};

}  // namespace objloc::functions
