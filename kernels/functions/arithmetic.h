// Arithmetic: struct NAME of engine/elementwise_ops.inc. `value` is y; `gradient`, of one operand, is dx from dy and
// from what the list says that the gradient reads; `gradient_a` and `gradient_b`, of two, are da and db.
#pragma once

#include "objloc/engine/host_device.h"

namespace objloc::functions {

/// factor * x
struct scale {
    float factor;

    template <typename T>
    OBJLOC_HOST_DEVICE T value(T x) const {
        return T(factor) * x;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient(T dy, T) const {
        return T(factor) * dy;
    }
};

/// a + b
struct add {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T a, T b) const {
        return a + b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_a(T dy, T, T) const {
        return dy;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_b(T dy, T, T) const {
        return dy;
    }
};

/// a - b
struct sub {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T a, T b) const {
        return a - b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_a(T dy, T, T) const {
        return dy;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_b(T dy, T, T) const {
        return -dy;
    }
};

/// a * b
struct mul {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T a, T b) const {
        return a * b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_a(T dy, T, T b) const {
        return dy * b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_b(T dy, T a, T) const {
        return dy * a;
    }
};

/// a / b
struct div {
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T a, T b) const {
        return a / b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_a(T dy, T, T b) const {
        return dy / b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_b(T dy, T a, T b) const {
        return -dy * (a / b) / b;  // b * b could overflow
    }
};

/// The larger one, NaN if either is. Of two that are equal it is a, which then gets the whole gradient.
struct maximum {
    template <typename T>
    OBJLOC_HOST_DEVICE static bool takes_a(T a, T b) {
        return a >= b || a != a;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T value(T a, T b) const {
        return takes_a(a, b) ? a : b;
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_a(T dy, T a, T b) const {
        return takes_a(a, b) ? dy : T(0);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T gradient_b(T dy, T a, T b) const {
        return takes_a(a, b) ? T(0) : dy;
    }
};

}  // namespace objloc::functions
