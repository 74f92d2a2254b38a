#include "tools/common/box_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace objloc {
namespace {

constexpr std::array<double Box::*, 4> kNumbers = {&Box::x, &Box::y, &Box::width, &Box::height};

double mean_iou(const Box& constant, const std::vector<Box>& truth) {
    double sum = 0;
    for (const Box& box : truth) sum += iou(constant, box);
    return sum / static_cast<double>(truth.size());
}

Box median_box(const std::vector<Box>& boxes) {
    Box median;
    std::vector<double> values(boxes.size());
    for (const auto number : kNumbers) {
        std::transform(boxes.begin(), boxes.end(), values.begin(),
                       [&](const Box& box) { return box.*number; });
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        median.*number = *middle;
    }
    return median;
}

/// Boxes to start a search from: the median, and the best of the true boxes, since the median may overlap none.
std::vector<Box> constant_starts(const std::vector<Box>& truth) {
    constexpr size_t kMostTried = 256, kKept = 3;
    std::vector<std::pair<double, Box>> rated;
    const size_t step = (truth.size() + kMostTried - 1) / kMostTried;
    for (size_t i = 0; i < truth.size(); i += step) rated.emplace_back(mean_iou(truth[i], truth), truth[i]);
    std::stable_sort(rated.begin(), rated.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Box> starts = {median_box(truth)};
    for (size_t i = 0; i < std::min(kKept, rated.size()); ++i) starts.push_back(rated[i].second);
    return starts;
}

/// The mean IoU that coordinate search reaches from a box.
double climbed_iou(Box best, const std::vector<Box>& truth) {
    double best_iou = mean_iou(best, truth);
    for (double step = 0.1; step > 0.002;) {
        bool improved = false;
        for (const auto number : kNumbers) {
            for (const double move : {-step, step}) {
                Box tried = best;
                tried.*number += move;
                if (const double tried_iou = mean_iou(tried, truth); tried_iou > best_iou) {
                    best = tried, best_iou = tried_iou, improved = true;
                }
            }
        }
        if (!improved) step /= 2;
    }
    return best_iou;
}

}  // namespace

std::vector<Box> rectangles(const std::vector<float>& boxes, int outputs) {
    const auto stride = static_cast<size_t>(outputs);
    std::vector<Box> list;
    for (size_t at = 0; at < boxes.size(); at += stride) {
        list.push_back({boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + stride - 1]});
    }
    return list;
}

Box scaled(const Box& box, double width, double height) {
    return {box.x * width, box.y * height, box.width * width, box.height * height};
}

double iou(const Box& a, const Box& b) {
    const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
    const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
    if (width <= 0 || height <= 0) return 0;
    return width * height / (a.width * a.height + b.width * b.height - width * height);
}

BoxScore score(const Box& predicted, const Box& truth) {
    const double right = predicted.x - truth.x + (predicted.width - truth.width) / 2;
    const double down = predicted.y - truth.y + (predicted.height - truth.height) / 2;
    const double wider = std::abs(predicted.width - truth.width);
    const double higher = std::abs(predicted.height - truth.height);
    return {iou(predicted, truth), std::hypot(right, down), (wider + higher) / 2};
}

ScoreSummary summarize(const std::vector<BoxScore>& scores) {
    ScoreSummary mean;
    mean.count = static_cast<int64_t>(scores.size());
    for (const BoxScore& at : scores) {
        mean.iou += at.iou;
        mean.over_50 += at.iou >= 0.5 ? 1 : 0;
        mean.over_75 += at.iou >= 0.75 ? 1 : 0;
        mean.over_90 += at.iou >= 0.9 ? 1 : 0;
        mean.centre_error += at.centre_error;
        mean.size_error += at.size_error;
    }
    const auto count = static_cast<double>(std::max(mean.count, int64_t{1}));
    for (double* sum :
         {&mean.iou, &mean.over_50, &mean.over_75, &mean.over_90, &mean.centre_error, &mean.size_error}) {
        *sum /= count;
    }
    return mean;
}

std::string ScoreSummary::text() const {
    return fmt::format(
        "Mean IoU                 {:.4f}\n"
        "Share with IoU >= 0.50   {:.4f}\n"
        "Share with IoU >= 0.75   {:.4f}\n"
        "Share with IoU >= 0.90   {:.4f}\n"
        "Centre error             {:.2f} pixels\n"
        "Size error               {:.2f} pixels\n",
        iou, over_50, over_75, over_90, centre_error, size_error);
}

double best_constant_iou(const std::vector<Box>& truth) {
    if (truth.empty()) return 0;
    double best = 0;
    for (const Box& start : constant_starts(truth)) best = std::max(best, climbed_iou(start, truth));
    return best;
}

}  // namespace objloc
