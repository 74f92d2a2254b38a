// What the references compute on: a dense row-major array of doubles, indexed as tensors are.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/engine/shape.h"

namespace objloc::reference {

struct Array {
    Shape shape;
    std::vector<double> values;

    /// The empty array: "not given".
    Array() = default;
    explicit Array(const Shape& extents) : shape(extents), values(static_cast<size_t>(extents.count())) {}

    explicit operator bool() const { return !values.empty(); }
    int64_t count() const { return static_cast<int64_t>(values.size()); }
    double& operator[](int64_t i) { return values[static_cast<size_t>(i)]; }
    double operator[](int64_t i) const { return values[static_cast<size_t>(i)]; }

    int64_t index(int64_t a, int64_t b) const { return a * shape[1] + b; }
    int64_t index(int64_t a, int64_t b, int64_t c, int64_t d) const {
        return ((a * shape[1] + b) * shape[2] + c) * shape[3] + d;
    }
    double& at(int64_t a, int64_t b) { return (*this)[index(a, b)]; }
    double at(int64_t a, int64_t b) const { return (*this)[index(a, b)]; }
    double& at(int64_t a, int64_t b, int64_t c, int64_t d) { return (*this)[index(a, b, c, d)]; }
    double at(int64_t a, int64_t b, int64_t c, int64_t d) const { return (*this)[index(a, b, c, d)]; }
};

}  // namespace objloc::reference
