#include "objloc/models/box_meter.h"

#include <algorithm>
#include <array>

namespace objloc {

BoxMeter::BoxMeter(Backend& backend)
    : backend_(backend), kernels_(localizer_kernels(backend)), sums_(backend.allocate({BoxMetrics::kCount})) {
    backend_.fill(sums_, 0.0f);
}

void BoxMeter::add(const Tensor& predicted, const Tensor& truth, const Tensor& loss) {
    outputs_ = static_cast<int>(predicted.shape()[1]);
    kernels_.box_metrics(predicted, truth, loss, sums_);
}

BoxReport BoxMeter::read() {
    std::array<float, BoxMetrics::kCount> sums{};
    backend_.download(sums_, sums.data());
    backend_.fill(sums_, 0.0f);
    const auto sum = [&](int entry) { return double{sums[static_cast<size_t>(entry)]}; };
    const double steps = std::max(1.0, sum(BoxMetrics::kSteps)),
                 boxes = std::max(1.0, sum(BoxMetrics::kImages));
    BoxReport report;
    report.steps = static_cast<int64_t>(sum(BoxMetrics::kSteps));
    report.finite_steps = static_cast<int64_t>(sum(BoxMetrics::kFiniteSteps));
    report.images = static_cast<int64_t>(sum(BoxMetrics::kImages));
    report.loss = sum(BoxMetrics::kLoss) / steps;
    report.floor = sum(BoxMetrics::kFloor) / boxes;
    report.iou = sum(BoxMetrics::kIoU) / boxes;
    report.over_50 = sum(BoxMetrics::kIoUOver50) / boxes;
    report.over_75 = sum(BoxMetrics::kIoUOver75) / boxes;
    report.centre_error = sum(BoxMetrics::kCentreError) / boxes;
    report.size_error = sum(BoxMetrics::kSizeError) / boxes;
    for (int o = 0; o < outputs_; ++o) {
        const double mean = sum(BoxMetrics::kPredicted + o) / boxes;
        const double square = sum(BoxMetrics::kPredictedSquared + o) / boxes;
        report.variance += std::max(0.0, square - mean * mean) / outputs_;
    }
    return report;
}

}  // namespace objloc
