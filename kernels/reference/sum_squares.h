// Squared norm.   y = sum of x^2
#pragma once

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double sum_squares(const Array& x) {
    double sum = 0;
    for (const double value : x.values) sum += value * value;
    return sum;
}

}  // namespace objloc::reference
