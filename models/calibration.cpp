#include "objloc/models/calibration.h"

#include <algorithm>
#include <cmath>

namespace objloc {
namespace {

constexpr double kPrior = 1;                      // weight of (scale - 1)^2 and shift^2
constexpr double kLowest = 0.2, kHighest = 0.95;  // range of the threshold
constexpr double kAlarmCost = 4;                  // of a share of false alarms, in shares of objects missed
constexpr double kNearlyOne = 1 - 1e-6;

double logit(double p) {
    const double inside = std::clamp(p, 1 - kNearlyOne, kNearlyOne);
    return std::log(inside / (1 - inside));
}

double sigmoid(double z) {
    return 1 / (1 + std::exp(-z));
}

/// One of Newton's steps towards the most likely scale and shift; how far it went.
double newton_step(const std::vector<Verdict>& verdicts, Calibration& at) {
    double slope[2] = {kPrior * (at.scale - 1), kPrior * at.shift}, curve[2][2] = {{kPrior, 0}, {0, kPrior}};
    for (const Verdict& verdict : verdicts) {
        const double z = logit(static_cast<double>(verdict.confidence));
        const double p = sigmoid(at.scale * z + at.shift), off = p - (verdict.right ? 1 : 0),
                     weight = p * (1 - p);
        slope[0] += off * z, slope[1] += off;
        curve[0][0] += weight * z * z, curve[0][1] += weight * z, curve[1][1] += weight;
    }
    curve[1][0] = curve[0][1];
    const double determinant = curve[0][0] * curve[1][1] - curve[0][1] * curve[1][0];
    const double by_scale = (curve[1][1] * slope[0] - curve[0][1] * slope[1]) / determinant,
                 by_shift = (curve[0][0] * slope[1] - curve[1][0] * slope[0]) / determinant;
    at.scale -= by_scale, at.shift -= by_shift;
    return std::max(std::abs(by_scale), std::abs(by_shift));
}

double share_above(const std::vector<float>& confidences, const Calibration& at, double threshold) {
    double count = 0;
    for (const float one : confidences)
        count += one > 0 && static_cast<double>(at.probability(one)) >= threshold ? 1 : 0;
    return confidences.empty() ? 0 : count / static_cast<double>(confidences.size());
}

/// The best threshold among the lowest and those just above each false alarm; of equal ones the lowest.
double best_threshold(const ThresholdEvidence& evidence, const Calibration& at) {
    if (evidence.finds.empty() && evidence.alarms.empty()) return Calibration{}.threshold;
    std::vector<double> candidates = {kLowest};
    for (const float alarm : evidence.alarms)
        candidates.push_back(
            std::clamp(static_cast<double>(at.probability(alarm)) + 1e-4, kLowest, kHighest));
    std::sort(candidates.begin(), candidates.end());
    double best = kLowest, best_value = -kAlarmCost - 1;
    for (const double threshold : candidates) {
        const double value = share_above(evidence.finds, at, threshold) -
                             kAlarmCost * share_above(evidence.alarms, at, threshold);
        if (value > best_value) best = threshold, best_value = value;
    }
    return best;
}

}  // namespace

float Calibration::probability(float confidence) const {
    return static_cast<float>(sigmoid(scale * logit(static_cast<double>(confidence)) + shift));
}

Calibration calibrate(const std::vector<Verdict>& verdicts, const ThresholdEvidence& evidence) {
    constexpr int kMostSteps = 50;
    Calibration result;
    for (int i = 0; i < kMostSteps && newton_step(verdicts, result) > 1e-9; ++i) {
    }
    // Surer boxes must stay surer.
    if (!(result.scale > 0.05) || !std::isfinite(result.shift)) result = {};
    result.threshold = best_threshold(evidence, result);
    return result;
}

}  // namespace objloc
