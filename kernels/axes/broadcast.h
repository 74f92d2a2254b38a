// How operands stretch to the result's shape, as NumPy broadcasts: shapes are aligned at their last axes, and an axis
// of 1, or one that an operand lacks, is repeated. For the backends' elementwise loops.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "objloc/engine/shape.h"

namespace objloc::axes {

constexpr size_t kMost = Shape::kMaxRank;

/// The result's axes, outermost first. Neighbours that all operands walk, or repeat, in the same way are one axis; so
/// there is only one if no operand stretches.
template <int kOperands>
struct Broadcast {
    int rank = 0;  // 1 or more
    std::array<int64_t, kMost> extent{};
    std::array<std::array<int64_t, kMost>, size_t{kOperands}> stride{};  // elements; 0 where it is repeated

    int64_t inner() const { return extent[static_cast<size_t>(rank - 1)]; }
    /// Whether operand `o` moves along the innermost axis: its elements then lie side by side.
    bool moves(size_t o) const { return stride[o][static_cast<size_t>(rank - 1)] != 0; }
    bool stretches() const {
        return rank > 1 || std::any_of(stride.begin(), stride.end(), [](const auto& s) { return s[0] == 0; });
    }

    /// Calls `visit(first, offsets, count)` for runs of result elements first .. first + count - 1 within one
    /// innermost line that cover begin .. end - 1; offsets[o] is where operand `o` begins.
    template <typename Visit>
    void each_run(int64_t begin, int64_t end, const Visit& visit) const {
        while (begin < end) {
            std::array<int64_t, size_t{kOperands}> offsets{};
            int64_t rest = begin;
            for (size_t axis = static_cast<size_t>(rank); axis-- > 0; rest /= extent[axis]) {
                for (size_t o = 0; o < offsets.size(); ++o)
                    offsets[o] += rest % extent[axis] * stride[o][axis];
            }
            const int64_t count = std::min(inner() - begin % inner(), end - begin);
            visit(begin, offsets, count);
            begin += count;
        }
    }
};

template <int kOperands>
Broadcast<kOperands> broadcast(const Shape& result, const std::array<Shape, size_t{kOperands}>& operands) {
    Broadcast<kOperands> to;
    for (int axis = 0; axis < result.rank(); ++axis) {
        if (result[axis] == 1) continue;
        const size_t last = static_cast<size_t>(to.rank);
        bool alike = to.rank > 0;
        for (size_t o = 0; o < operands.size(); ++o) {
            to.stride[o][last] = operands[o].aligned(axis, result.rank()) != 1;
            alike = alike && to.stride[o][last] == to.stride[o][last - 1];
        }
        if (alike) {
            to.extent[last - 1] *= result[axis];
        } else {
            to.extent[last] = result[axis];
            ++to.rank;
        }
    }
    if (to.rank == 0) {  // one element
        to.rank = 1;
        to.extent[0] = 1;
        for (auto& stride : to.stride) stride[0] = 1;
    }
    for (auto& stride : to.stride) {
        int64_t elements = 1;
        for (size_t axis = static_cast<size_t>(to.rank); axis-- > 0;) {
            if (stride[axis] == 0) continue;
            stride[axis] = elements;
            elements *= to.extent[axis];
        }
    }
    return to;
}

}  // namespace objloc::axes
