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
    const Calibration found = calibrate(drawn(1.7, -0.8, 10000), {});
    CHECK(found.scale == doctest::Approx(1.7).epsilon(0.08));
    CHECK(std::abs(found.shift + 0.8) < 0.12);
    CHECK(found.threshold == 0.5);
    CHECK(found.probability(0.3f) < found.probability(0.31f));
}

TEST_CASE("calibration survives verdicts that say nothing") {
    for (const bool right : {false, true}) {
        const Calibration found = calibrate({{0.5f, right}, {0.9f, right}}, {});
        CHECK(std::isfinite(found.shift));
        CHECK(found.probability(0.9f) > found.probability(0.1f));
    }
    const Calibration none = calibrate({}, {});
    CHECK(none.scale == doctest::Approx(1));
    CHECK(none.probability(0.25f) == doctest::Approx(0.25));
    CHECK(std::isfinite(none.probability(0)));
    CHECK(std::isfinite(none.probability(1)));
}

TEST_CASE("the threshold weighs objects found against false alarms") {
    const std::vector<float> sure(10, 0.9f), unsure(10, 0.3f), none(10, 0.f);
    // One alarm in ten, surer than no find, costs 0.4 of the finds.
    std::vector<float> one_alarm = none;
    one_alarm[4] = 0.6f;
    const double above_it = calibrate({}, {sure, one_alarm}).threshold;
    CHECK(above_it > 0.6);
    CHECK(above_it < 0.61);
    // Here it would cost all finds: better the alarm.
    CHECK(calibrate({}, {unsure, one_alarm}).threshold == doctest::Approx(0.2));
    // Four alarms in ten are worse than no find.
    std::vector<float> many_alarms = one_alarm;
    many_alarms[0] = many_alarms[1] = many_alarms[2] = 0.5f;
    CHECK(calibrate({}, {unsure, many_alarms}).threshold > 0.5);
    CHECK(calibrate({}, {sure, none}).threshold == doctest::Approx(0.2));
    const double just_above = calibrate({}, {none, {0.94f}}).threshold;
    CHECK(just_above > 0.94);
    CHECK(just_above <= 0.95);
}

}  // namespace objloc
