// From cells to objects, and how objects are scored.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/models/detections.h"
#include "tools/common/detection_scores.h"

namespace objloc {
namespace {

Detection box(float x, float confidence, int64_t label = 0, float size = 0.2f) {
    return {x, 0.1f, size, size, label, confidence};
}

}  // namespace

TEST_SUITE_BEGIN("detections");

TEST_CASE("a cell's logits and sides become a box with its confidence") {
    DetectionProblem problem;
    problem.N = 1, problem.grids = 1, problem.grid[0] = {2, 2};
    std::vector<float> cells(static_cast<size_t>(problem.cells() * problem.features()), -20.f);
    const float raw[] = {2.f, std::log(0.1f), std::log(0.2f), std::log(0.05f), 0.f};
    std::copy_n(raw, 5, cells.begin() + 1 * 5);  // the upper right cell, its middle at (0.75, 0.25)
    const std::vector<Detection> found = detections(problem, cells.data(), 0.5f);
    REQUIRE(found.size() == 1);
    CHECK(found[0].confidence == doctest::Approx(1 / (1 + std::exp(-2.0))));
    CHECK(found[0].x == doctest::Approx(0.65));
    CHECK(found[0].y == doctest::Approx(0.05));
    CHECK(found[0].w == doctest::Approx(0.15));
    CHECK(found[0].h == doctest::Approx(1.2));
    CHECK(detections(problem, cells.data(), 0.9f).empty());
}

TEST_CASE("of overlapping boxes of a class the surest stays") {
    const std::vector<Detection> kept =
        without_overlaps({box(0.1f, 0.5f), box(0.11f, 0.9f), box(0.6f, 0.4f), box(0.1f, 0.3f, 1)}, 0.5f);
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].confidence == 0.9f);
    CHECK(kept[1].confidence == 0.4f);
    CHECK(kept[2].label == 1);
}

TEST_CASE("scores by hand") {
    CHECK(score_detections({}).ap50 == 0);
    // Found, missed, imagined: precision 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
    const DetectionExample found = {{box(0.1f, 1)}, {}, {box(0.1f, 0.9f)}};
    const DetectionExample late = {{box(0.5f, 1)}, {}, {box(0.1f, 0.8f), box(0.5f, 0.7f)}};
    const DetectionScores scores = score_detections({found, late});
    CHECK(scores.objects == 2);
    CHECK(scores.ap50 == doctest::Approx((51 * 1.0 + 50 * 2.0 / 3) / 101));
    CHECK(scores.ap50_95 == doctest::Approx(scores.ap50));  // the boxes fit exactly
    CHECK(scores.iou == doctest::Approx(0.5));              // of the surest boxes
    CHECK(scores.threshold == doctest::Approx(0.7));
    CHECK(scores.recall == 1);
    // An empty picture with a sure box is a false alarm; a box on an object that is ignored is nothing.
    const DetectionExample alarm = {{}, {}, {box(0.3f, 0.95f)}}, quiet = {{}, {}, {box(0.3f, 0.1f)}},
                           ignored = {{}, {box(0.3f, 1)}, {box(0.3f, 0.99f)}};
    const DetectionScores with_empty = score_detections({found, alarm, quiet, ignored});
    CHECK(with_empty.empty_pictures == 2);
    CHECK(with_empty.false_alarms == doctest::Approx(0.5));
    CHECK(with_empty.ap50 == doctest::Approx(0.5));
    CHECK(score_detections({found, quiet, ignored}).ap50 == doctest::Approx(1));
    // An object is found once.
    const DetectionExample twice = {{box(0.1f, 1)}, {}, {box(0.1f, 0.9f), box(0.12f, 0.8f)}};
    CHECK(score_detections({twice}).precision == 1);
    CHECK(score_detections({twice}).recall == 1);
}

TEST_SUITE_END();

}  // namespace objloc
