// Which elements of x a reduction over axes makes one of: y has x's axes, each as long as x's, or 1 where it is
// reduced. For the backends' loops.
#pragma once

#include <cstdint>

#include "objloc/engine/host_device.h"
#include "objloc/engine/shape.h"

namespace objloc::axes {

/// Two axes merged of neighbours, the outer one first; an axis that there is not has an extent of 1 and a stride of 0.
struct Pair {
    int64_t outer = 1, inner = 1;
    int64_t outer_stride = 0, inner_stride = 0;  // elements of x

    OBJLOC_HOST_DEVICE int64_t count() const { return outer * inner; }
    /// Where element `i` of the pair, in row-major order, lies in x.
    OBJLOC_HOST_DEVICE int64_t offset(int64_t i) const {
        if (outer == 1) return i * inner_stride;
        const int64_t line = i / inner;
        return line * outer_stride + (i - line * inner) * inner_stride;
    }
};

/// x[kept.offset(o) + terms.offset(t)] for all t become y[o]. Neighbours that are both kept or both reduced are one
/// axis, so that of the four axes that a tensor may have two are kept and two reduced at most.
struct Reduced {
    Pair kept, terms;

    /// Whether the terms of an output lie side by side, else neighbouring outputs' do.
    OBJLOC_HOST_DEVICE bool along() const { return terms.inner_stride == 1; }
};

inline Reduced reduced(const Shape& x, const Shape& y) {
    static_assert(Shape::kMaxRank == 4);
    Reduced of;
    Pair* last = nullptr;
    int64_t elements = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {  // innermost first
        if (x[axis] == 1) continue;
        Pair& pair = y[axis] == x[axis] ? of.kept : of.terms;
        if (&pair == last) {
            (pair.outer > 1 ? pair.outer : pair.inner) *= x[axis];
        } else if (pair.inner == 1) {
            pair.inner = x[axis];
            pair.inner_stride = elements;
        } else {
            pair.outer = x[axis];
            pair.outer_stride = elements;
        }
        elements *= x[axis];
        last = &pair;
    }
    return of;
}

}  // namespace objloc::axes
