#include "objloc/models/calibration.h"

#include <algorithm>
#include <cmath>

namespace objloc {
namespace {

constexpr double kPrior = 1;       // weight of (scale - 1)^2 and shift^2
constexpr double kHighest = 0.95;  // threshold: beyond it nothing would be shown
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

}  // namespace

float Calibration::probability(float confidence) const {
    return static_cast<float>(sigmoid(scale * logit(static_cast<double>(confidence)) + shift));
}

Calibration calibrate(const std::vector<Verdict>& verdicts, const std::vector<float>& alarms,
                      double most_alarms) {
    constexpr int kMostSteps = 50;
    Calibration result;
    for (int i = 0; i < kMostSteps && newton_step(verdicts, result) > 1e-9; ++i) {
    }
    // Surer boxes must stay surer.
    if (!(result.scale > 0.05) || !std::isfinite(result.shift)) result = {};
    std::vector<float> sorted = alarms;
    std::sort(sorted.rbegin(), sorted.rend());
    const auto allowed = static_cast<size_t>(most_alarms * static_cast<double>(sorted.size()));
    if (allowed < sorted.size() && sorted[allowed] > 0) {
        // Above what the next empty picture says.
        const double next = static_cast<double>(result.probability(sorted[allowed]));
        result.threshold = std::clamp(next + 1e-4, result.threshold, kHighest);
    }
    return result;
}

}  // namespace objloc
