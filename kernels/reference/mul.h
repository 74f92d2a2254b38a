// Product.   y = a * b
#pragma once

namespace objloc::reference {

inline double mul(double a, double b) {
    return a * b;
}

}  // namespace objloc::reference
