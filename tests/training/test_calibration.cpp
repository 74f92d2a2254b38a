// From confidences to probabilities.
#include "objloc/models/calibration.h"

#include <doctest/doctest.h>

#include <cmath>

#include "objloc/engine/philox.h"

namespace objloc {
namespace {

/// Verdicts whose chance to be right is sigmoid(scale * logit + shift).
std::vector<Verdict> drawn(double scale, double shift, uint64_t count) {
    std::vector<Verdict> verdicts;
    for (uint64_t i = 0; i < count; ++i) {
        const Philox4 words = philox_at(7, 0, i, 0);
        const double confidence = 0.02 + 0.96 * static_cast<double>(uniform01(words.word[0]));
        const double chance = 1 / (1 + std::exp(-(scale * std::log(confidence / (1 - confidence)) + shift)));
        verdicts.push_back(
            {static_cast<float>(confidence), static_cast<double>(uniform01(words.word[1])) < chance});
    }
    return verdicts;
}

}  // namespace

TEST_CASE("calibration finds the scale and the shift that verdicts were drawn with") {
    // Deviations of the estimates are about 0.03 and 0.03 with so many verdicts.
    const Calibration found = calibrate(drawn(1.7, -0.8, 10000), {}, 0);
    CHECK(found.scale == doctest::Approx(1.7).epsilon(0.08));
    CHECK(std::abs(found.shift + 0.8) < 0.12);
    CHECK(found.threshold == 0.5);
    CHECK(found.probability(0.3f) < found.probability(0.31f));
}

TEST_CASE("calibration survives verdicts that say nothing") {
    for (const bool right : {false, true}) {
        const Calibration found = calibrate({{0.5f, right}, {0.9f, right}}, {}, 0);
        CHECK(std::isfinite(found.shift));
        CHECK(found.probability(0.9f) > found.probability(0.1f));
    }
    const Calibration none = calibrate({}, {}, 0.02);
    CHECK(none.scale == doctest::Approx(1));
    CHECK(none.probability(0.25f) == doctest::Approx(0.25));
    CHECK(std::isfinite(none.probability(0)));
    CHECK(std::isfinite(none.probability(1)));
}

TEST_CASE("the threshold lets through no more alarms than allowed") {
    const std::vector<float> alarms = {0.1f, 0, 0.8f, 0.6f, 0.7f, 0.2f, 0, 0.3f, 0.55f, 0.65f};
    const auto above = [&](double most) {
        const Calibration found = calibrate({}, alarms, most);
        int count = 0;
        for (const float alarm : alarms)
            count += static_cast<double>(found.probability(alarm)) >= found.threshold ? 1 : 0;
        return count;
    };
    CHECK(above(0) == 0);
    CHECK(above(0.1) == 1);
    CHECK(above(0.35) == 3);
    CHECK(above(1) == 5);  // never below 0.5
    CHECK(calibrate({}, {0.999f}, 0).threshold == doctest::Approx(0.95));
}

}  // namespace objloc
