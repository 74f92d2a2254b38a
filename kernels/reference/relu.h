// ReLU.   y = max(0, x);   dx = dy where y > 0, else 0
#pragma once

namespace objloc::reference {

inline double relu_forward(double x) {
    return x > 0 ? x : 0;
}

inline double relu_backward(double dy, double y) {
    return y > 0 ? dy : 0;
}

}  // namespace objloc::reference
