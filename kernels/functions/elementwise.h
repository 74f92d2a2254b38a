// The elementwise functions of engine/elementwise_ops.inc as operators on one element of each input, which is the
// form in which the backends' generic loops and the reference take them.
#pragma once

#include "objloc/engine/elementwise.h"
#include "objloc/engine/host_device.h"
#include "objloc/kernels/functions/activations.h"
#include "objloc/kernels/functions/arithmetic.h"
#include "objloc/kernels/functions/powers.h"

namespace objloc::functions {

/// y from x, or from a and b.
template <typename Function>
struct Value {
    Function function;

    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T x) const {
        return function.value(x);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T a, T b) const {
        return function.value(a, b);
    }
};

/// dx from dy and, if the gradient reads anything else, from that.
template <typename Function>
struct Gradient {
    Function function;

    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T dy, T read = T(0)) const {
        return function.gradient(dy, read);
    }
};

/// da, or db if not kOfA, from dy and from those of a and b that the gradient reads.
template <typename Function, bool kOfA, BinaryReads kReads>
struct GradientOf {
    Function function;

    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T dy) const {
        return (*this)(dy, T(0), T(0));
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T dy, T read) const {
        return kReads == BinaryReads::a ? (*this)(dy, read, T(0)) : (*this)(dy, T(0), read);
    }
    template <typename T>
    OBJLOC_HOST_DEVICE T operator()(T dy, T a, T b) const {
        return kOfA ? function.gradient_a(dy, a, b) : function.gradient_b(dy, a, b);
    }
};

/// Calls `map(inputs...)` with dy and what a gradient reads.
template <UnaryReads kReads, typename Input, typename Map>
void with_reads(const Input& dy, const Input& read, const Map& map) {
    if constexpr (kReads == UnaryReads::nothing) {
        map(dy);
    } else {
        map(dy, read);
    }
}

template <BinaryReads kReads, typename Input, typename Map>
void with_reads(const Input& dy, const Input& a, const Input& b, const Map& map) {
    if constexpr (kReads == BinaryReads::nothing) map(dy);
    if constexpr (kReads == BinaryReads::a) map(dy, a);
    if constexpr (kReads == BinaryReads::b) map(dy, b);
    if constexpr (kReads == BinaryReads::both) map(dy, a, b);
}

}  // namespace objloc::functions
