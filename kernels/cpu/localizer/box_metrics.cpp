// What is said about a batch of predicted boxes, added to BoxMetrics. Boxes are (x, y, size) or (x, y, w, h).
// Sums of one call are taken in double, box after box.
#include <algorithm>
#include <array>
#include <cmath>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace objloc {
namespace {

using Sums = std::array<double, BoxMetrics::kCount>;

struct Box {
    double x, y, w, h;
};

Box box_at(const float* values, int64_t outputs) {
    return {values[0], values[1], values[2], outputs == 4 ? values[3] : values[2]};
}

bool is_finite(const Box& box) {
    return std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.w) && std::isfinite(box.h);
}

double area(const Box& box) {
    return std::max(box.w, 0.0) * std::max(box.h, 0.0);
}

// Intersection over union; 0 for boxes that are empty or not finite.
double iou(const Box& a, const Box& b) {
    if (!is_finite(a) || !is_finite(b)) return 0;
    const double w = std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x);
    const double h = std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y);
    const double common = std::max(w, 0.0) * std::max(h, 0.0), all = area(a) + area(b) - common;
    return all > 0 ? common / all : 0;
}

// -t ln t, with 0 ln 0 = 0.
double surprise(double t) {
    return t > 0 ? -t * std::log(t) : 0;
}

void add_box(const float* predicted, const float* truth, int64_t outputs, Sums& sums) {
    const Box p = box_at(predicted, outputs), t = box_at(truth, outputs);
    const double overlap = iou(p, t);
    sums[BoxMetrics::kImages] += 1;
    sums[BoxMetrics::kIoU] += overlap;
    sums[BoxMetrics::kIoUOver50] += overlap >= 0.5 ? 1 : 0;
    sums[BoxMetrics::kIoUOver75] += overlap >= 0.75 ? 1 : 0;
    sums[BoxMetrics::kCentreError] +=
        std::hypot(p.x + p.w / 2 - t.x - t.w / 2, p.y + p.h / 2 - t.y - t.h / 2);
    sums[BoxMetrics::kSizeError] += (std::abs(p.w - t.w) + std::abs(p.h - t.h)) / 2;
    for (int64_t o = 0; o < outputs; ++o) {
        const double value = predicted[o], target = truth[o];
        sums[BoxMetrics::kFloor] += (surprise(target) + surprise(1 - target)) / static_cast<double>(outputs);
        sums[static_cast<size_t>(BoxMetrics::kPredicted + o)] += value;
        sums[static_cast<size_t>(BoxMetrics::kPredictedSquared + o)] += value * value;
    }
}

}  // namespace

void CpuBackend::box_metrics(const Tensor& predicted, const Tensor& truth, const Tensor& loss,
                             const Tensor& sums) {
    const int64_t outputs = predicted.shape()[1];
    const float* total = sums.data<float>();
    Sums batch{};
    for (int64_t n = 0; n < predicted.shape()[0]; ++n) {
        add_box(predicted.data<float>() + n * outputs, truth.data<float>() + n * outputs, outputs, batch);
    }
    const float value = *loss.data<float>();
    const bool finite_so_far = total[BoxMetrics::kFiniteSteps] == total[BoxMetrics::kSteps];
    batch[BoxMetrics::kSteps] = 1;
    batch[BoxMetrics::kFiniteSteps] = finite_so_far && std::isfinite(value) ? 1 : 0;
    batch[BoxMetrics::kLoss] = value;
    for (size_t i = 0; i < batch.size(); ++i) sums.data<float>()[i] += static_cast<float>(batch[i]);
}

}  // namespace objloc
