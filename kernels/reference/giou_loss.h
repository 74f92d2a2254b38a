// Mean of 1 - GIoU over boxes (N, 3 or 4), from the definition: I the area of both, U of either, H of their
// hull; GIoU = I / U - (H - U) / H. A predicted side below 1e-3 counts as 1e-3.
#pragma once

#include <algorithm>

#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

inline double giou_loss_forward(const Array& predicted, const Array& truth) {
    double sum = 0;
    const int64_t last = predicted.shape[1] - 1;
    for (int64_t n = 0; n < predicted.shape[0]; ++n) {
        const double x = predicted.at(n, 0), y = predicted.at(n, 1), tx = truth.at(n, 0), ty = truth.at(n, 1);
        const double least = double{1e-3f};
        const double w = std::max(least, predicted.at(n, 2)), h = std::max(least, predicted.at(n, last));
        const double tw = truth.at(n, 2), th = truth.at(n, last);
        const double across = std::max(0.0, std::min(x + w, tx + tw) - std::max(x, tx));
        const double down = std::max(0.0, std::min(y + h, ty + th) - std::max(y, ty));
        const double both = w * h + tw * th - across * down;
        const double hull =
            (std::max(x + w, tx + tw) - std::min(x, tx)) * (std::max(y + h, ty + th) - std::min(y, ty));
        sum += 1 - (across * down / both - (hull - both) / hull);
    }
    return sum / static_cast<double>(predicted.shape[0]);
}

}  // namespace objloc::reference
