// The elementwise functions of engine/elementwise_ops.inc, in double, with inputs that stretch to the output's shape as
// NumPy broadcasts.   y[n,h,w,c] = op(a[n,h,w,c], ...), where an input's coordinate is 0 along an axis of 1
#pragma once

#include <array>

#include "objloc/kernels/functions/elementwise.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

/// The shape with four axes: 1 in front.
inline std::array<int64_t, 4> four_axes(const Shape& shape) {
    std::array<int64_t, 4> extents = {1, 1, 1, 1};
    for (int axis = 0; axis < shape.rank(); ++axis) {
        extents[static_cast<size_t>(4 - shape.rank() + axis)] = shape[axis];
    }
    return extents;
}

/// Calls `visit(place)` for each place of a shape with four axes, in row-major order.
template <typename Visit>
void each_place(const std::array<int64_t, 4>& extents, const Visit& visit) {
    std::array<int64_t, 4> at{};
    for (at[0] = 0; at[0] < extents[0]; ++at[0]) {
        for (at[1] = 0; at[1] < extents[1]; ++at[1]) {
            for (at[2] = 0; at[2] < extents[2]; ++at[2]) {
                for (at[3] = 0; at[3] < extents[3]; ++at[3]) visit(at);
            }
        }
    }
}

/// The element at `place`, where axes of 1 stand for each coordinate.
inline int64_t stretched_index(const std::array<int64_t, 4>& extents, const std::array<int64_t, 4>& place) {
    int64_t index = 0;
    for (size_t axis = 0; axis < 4; ++axis)
        index = index * extents[axis] + (extents[axis] == 1 ? 0 : place[axis]);
    return index;
}

template <typename Op, typename... Inputs>
void elementwise(const Op& op, Array& y, const Inputs&... inputs) {
    int64_t i = 0;
    each_place(four_axes(y.shape), [&](const std::array<int64_t, 4>& place) {
        y[i++] = op(inputs[stretched_index(four_axes(inputs.shape), place)]...);
    });
}

}  // namespace objloc::reference
