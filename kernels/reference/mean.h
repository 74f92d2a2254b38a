// Mean of all elements.   y = (1/n) sum of x;   dx[i] = dy / n
#pragma once

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double mean_forward(const Array& x) {
    double sum = 0;
    for (const double value : x.values) sum += value;
    return sum / static_cast<double>(x.count());
}

inline double mean_backward(double dy, int64_t count) {
    return dy / static_cast<double>(count);
}

}  // namespace objloc::reference
