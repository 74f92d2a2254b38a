// Sigmoid.   y = 1 / (1 + exp(-x));   dx = dy * y * (1 - y)
#pragma once

#include <cmath>

namespace objloc::reference {

inline double sigmoid_forward(double x) {
    return 1 / (1 + std::exp(-x));
}

inline double sigmoid_backward(double dy, double y) {
    return dy * y * (1 - y);
}

}  // namespace objloc::reference
