// Sums and maxima over axes.   y[o] = factor * sum of x;   y[o] = max of x, position: the first maximum among the
// elements that became o, in row-major order;   dx = dy at that position, else 0
// `kept` is y's shape with x's axes, 1 where they are reduced.
#pragma once

#include <vector>

#include "objloc/kernels/reference/elementwise.h"

namespace objloc::reference {

inline void sum(const Array& x, Array& y, const Shape& kept, double factor) {
    for (double& value : y.values) value = 0;
    int64_t i = 0;
    each_place(four_axes(x.shape), [&](const std::array<int64_t, 4>& place) {
        y[stretched_index(four_axes(kept), place)] += x[i++];
    });
    for (double& value : y.values) value *= factor;
}

inline void max_forward(const Array& x, Array& y, Array& positions) {
    std::vector<int64_t> seen(y.values.size());
    int64_t i = 0;
    each_place(four_axes(x.shape), [&](const std::array<int64_t, 4>& place) {
        const int64_t o = stretched_index(four_axes(y.shape), place);
        const double value = x[i++];
        int64_t& count = seen[static_cast<size_t>(o)];
        if (count == 0 || value > y[o]) {
            y[o] = value;
            positions[o] = static_cast<double>(count);
        }
        ++count;
    });
}

inline void max_backward(const Array& dy, const Array& positions, Array& dx) {
    std::vector<int64_t> seen(dy.values.size());
    int64_t i = 0;
    each_place(four_axes(dx.shape), [&](const std::array<int64_t, 4>& place) {
        const int64_t o = stretched_index(four_axes(dy.shape), place);
        const auto number = static_cast<double>(seen[static_cast<size_t>(o)]++);
        dx[i++] = positions[o] == number ? dy[o] : 0;
    });
}

}  // namespace objloc::reference
