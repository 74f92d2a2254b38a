#include "tools/common/detection_scores.h"

#include <fmt/format.h>

#include <algorithm>

namespace objloc {
namespace {

/// Verdicts on one picture's boxes, the surest first; boxes of ignored objects have none.
void judge(const DetectionExample& example, float least_iou, std::vector<Verdict>& verdicts) {
    std::vector<bool> taken(example.truth.size());
    for (const Detection& at : example.found) {
        size_t best = example.truth.size();
        float best_iou = least_iou;
        for (size_t t = 0; t < example.truth.size(); ++t) {
            const float overlap = iou(at, example.truth[t]);
            if (taken[t] || example.truth[t].label != at.label || overlap < best_iou) continue;
            best = t, best_iou = overlap;
        }
        const bool right = best < example.truth.size();
        if (right) taken[best] = true;
        const bool ignored = std::any_of(example.ignored.begin(), example.ignored.end(),
                                         [&](const Detection& other) { return iou(at, other) >= least_iou; });
        if (right || !ignored) verdicts.push_back({at.confidence, right});
    }
}

/// The area under precision over recall, precision made falling, at COCO's 101 recalls.
double average_precision(const std::vector<Verdict>& verdicts, int64_t objects) {
    std::vector<double> precision, recall;
    double right = 0;
    for (size_t i = 0; i < verdicts.size(); ++i) {
        right += verdicts[i].right ? 1 : 0;
        precision.push_back(right / static_cast<double>(i + 1));
        recall.push_back(right / static_cast<double>(objects));
    }
    for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
    double sum = 0;
    for (int step = 0; step <= 100; ++step) {
        const auto at = std::lower_bound(recall.begin(), recall.end(), step / 100.0);
        if (at != recall.end()) sum += precision[static_cast<size_t>(at - recall.begin())];
    }
    return sum / 101;
}

/// The threshold of the best F1, and what it gives.
void balance(const std::vector<Verdict>& verdicts, DetectionScores& scores) {
    double right = 0, best = 0;
    for (size_t i = 0; i < verdicts.size(); ++i) {
        right += verdicts[i].right ? 1 : 0;
        const double precision = right / static_cast<double>(i + 1),
                     recall = right / static_cast<double>(scores.objects);
        const double balanced = right > 0 ? 2 * precision * recall / (precision + recall) : 0;
        if (balanced <= best) continue;
        best = balanced;
        scores.threshold = static_cast<double>(verdicts[i].confidence);
        scores.precision = precision, scores.recall = recall;
    }
}

}  // namespace

std::vector<Verdict> verdicts_on(const std::vector<DetectionExample>& examples, float least_iou) {
    std::vector<Verdict> verdicts;
    for (const DetectionExample& example : examples) judge(example, least_iou, verdicts);
    std::stable_sort(verdicts.begin(), verdicts.end(),
                     [](const Verdict& a, const Verdict& b) { return a.confidence > b.confidence; });
    return verdicts;
}

DetectionScores score_detections(const std::vector<DetectionExample>& examples) {
    DetectionScores scores;
    double singles = 0;
    for (const DetectionExample& example : examples) {
        ++scores.pictures;
        scores.objects += static_cast<int64_t>(example.truth.size());
        if (example.truth.size() != 1 || !example.ignored.empty()) continue;
        const double overlap = example.found.empty()
                                   ? 0
                                   : static_cast<double>(iou(example.found.front(), example.truth.front()));
        ++singles, scores.iou += overlap, scores.over_50 += overlap >= 0.5 ? 1 : 0;
    }
    if (singles > 0) scores.iou /= singles, scores.over_50 /= singles;
    if (scores.objects > 0) {
        for (int step = 0; step < 10; ++step) {
            const auto least = static_cast<float>(50 + 5 * step) / 100;
            const std::vector<Verdict> verdicts = verdicts_on(examples, least);
            const double precision = average_precision(verdicts, scores.objects);
            scores.ap50_95 += precision / 10;
            if (step == 0) scores.ap50 = precision, balance(verdicts, scores);
        }
    }
    for (const DetectionExample& example : examples) {
        if (!example.truth.empty() || !example.ignored.empty()) continue;
        ++scores.empty_pictures;
        const bool alarm = !example.found.empty() &&
                           static_cast<double>(example.found.front().confidence) >= scores.threshold;
        scores.false_alarms += alarm ? 1 : 0;
    }
    if (scores.empty_pictures > 0) scores.false_alarms /= static_cast<double>(scores.empty_pictures);
    return scores;
}

std::string DetectionScores::text() const {
    return fmt::format(
        "Pictures                 {} with {} objects, {} without any\n"
        "AP50, AP50-95            {:.4f}, {:.4f}\n"
        "Mean IoU, one object     {:.4f}\n"
        "Share with IoU >= 0.50   {:.4f}\n"
        "At confidence {:.2f}       precision {:.3f}, recall {:.3f}, false alarms {:.3f}\n",
        pictures, objects, empty_pictures, ap50, ap50_95, iou, over_50, threshold, precision, recall,
        false_alarms);
}

}  // namespace objloc
