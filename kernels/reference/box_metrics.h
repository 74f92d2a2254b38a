// What is said about boxes; every line adds to `sums` (BoxMetrics), over the batch:
//   floor   mean over outputs of -(t log t + (1 - t) log(1 - t)), 0 log 0 = 0
//   IoU     |A and B| / |A or B| of the boxes [x, x + w) x [y, y + h)
//   centre  distance of (x + w/2, y + h/2);   size  (|w - w'| + |h - h'|) / 2
// Boxes (N, 3): (x, y, size) or (N, 4): (x, y, w, h).
#pragma once

#include <algorithm>
#include <cmath>

#include "objloc/kernels/localizer/box_metrics.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

struct Box {
    double x, y, w, h;
};

inline Box box_of(const Array& boxes, int64_t n) {
    const int64_t outputs = boxes.shape[1];
    return {boxes.at(n, 0), boxes.at(n, 1), boxes.at(n, 2), boxes.at(n, outputs - 1)};
}

inline double box_iou(const Box& a, const Box& b) {
    const double wide = std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x);
    const double high = std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y);
    const double common = std::max(0.0, wide) * std::max(0.0, high);
    const double together = a.w * a.h + b.w * b.h - common;
    return together > 0 ? common / together : 0;
}

inline double entropy(double t) {
    const auto part = [](double p) { return p > 0 ? -p * std::log(p) : 0; };
    return part(t) + part(1 - t);
}

inline void box_metrics(const Array& predicted, const Array& truth, double loss, Array& sums) {
    const int64_t count = predicted.shape[0], outputs = predicted.shape[1];
    const bool finite_so_far = sums[BoxMetrics::kSteps] == sums[BoxMetrics::kFiniteSteps];
    if (finite_so_far && std::isfinite(loss)) ++sums[BoxMetrics::kFiniteSteps];
    ++sums[BoxMetrics::kSteps];
    sums[BoxMetrics::kImages] += static_cast<double>(count);
    sums[BoxMetrics::kLoss] += loss;
    for (int64_t n = 0; n < count; ++n) {
        const Box a = box_of(predicted, n), b = box_of(truth, n);
        const double iou = box_iou(a, b);
        sums[BoxMetrics::kIoU] += iou;
        sums[BoxMetrics::kIoUOver50] += iou >= 0.5 ? 1 : 0;
        sums[BoxMetrics::kIoUOver75] += iou >= 0.75 ? 1 : 0;
        sums[BoxMetrics::kCentreError] +=
            std::hypot(a.x + a.w / 2 - b.x - b.w / 2, a.y + a.h / 2 - b.y - b.h / 2);
        sums[BoxMetrics::kSizeError] += (std::abs(a.w - b.w) + std::abs(a.h - b.h)) / 2;
        for (int64_t o = 0; o < outputs; ++o) {
            const double p = predicted.at(n, o);
            sums[BoxMetrics::kFloor] += entropy(truth.at(n, o)) / static_cast<double>(outputs);
            sums[BoxMetrics::kPredicted + o] += p;
            sums[BoxMetrics::kPredictedSquared + o] += p * p;
        }
    }
}

}  // namespace objloc::reference
