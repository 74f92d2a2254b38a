// Sum.   y = a + b
#pragma once

namespace objloc::reference {

inline double add(double a, double b) {
    return a + b;
}

}  // namespace objloc::reference
