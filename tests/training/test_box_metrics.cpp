// box_metrics of boxes whose metrics can be said by hand. Its cases are kernels/cases/ops/box_metrics.cpp.
#include "objloc/kernels/localizer/localizer_kernels.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/test_backends.h"

namespace objloc {
namespace {

/// The sums after batches of one box each, with their losses.
struct Batch {
    std::vector<float> predicted, truth;
    float loss = 0;
};

std::vector<float> sums_of(Backend& backend, const std::vector<Batch>& batches) {
    const Tensor sums = backend.allocate({BoxMetrics::kCount}), loss = backend.allocate({1});
    backend.fill(sums, 0);
    for (const Batch& batch : batches) {
        const Shape shape = {1, static_cast<int64_t>(batch.truth.size())};
        const Tensor predicted = backend.allocate(shape), truth = backend.allocate(shape);
        backend.upload(batch.predicted.data(), predicted);
        backend.upload(batch.truth.data(), truth);
        backend.fill(loss, batch.loss);
        localizer_kernels(backend).box_metrics(predicted, truth, loss, sums);
    }
    std::vector<float> values(BoxMetrics::kCount);
    backend.download(sums, values.data());
    return values;
}

}  // namespace

TEST_CASE("box_metrics of boxes known by hand") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        SUBCASE("the right box") {
            const auto sums = sums_of(*backend, {{{0.25f, 0.5f, 0.25f}, {0.25f, 0.5f, 0.25f}, 0.75f}});
            CHECK(sums[BoxMetrics::kSteps] == 1);
            CHECK(sums[BoxMetrics::kFiniteSteps] == 1);
            CHECK(sums[BoxMetrics::kImages] == 1);
            CHECK(sums[BoxMetrics::kLoss] == 0.75f);
            CHECK(sums[BoxMetrics::kIoU] == 1);
            CHECK(sums[BoxMetrics::kIoUOver50] == 1);
            CHECK(sums[BoxMetrics::kIoUOver75] == 1);
            CHECK(sums[BoxMetrics::kCentreError] == 0);
            CHECK(sums[BoxMetrics::kSizeError] == 0);
            // Entropy in nats: ln 2 of 1/2, and 2 ln 2 - 3/4 ln 3 of 1/4.
            CHECK(sums[BoxMetrics::kFloor] == doctest::Approx((0.693147 + 2 * 0.562335) / 3));
        }
        SUBCASE("half of it: IoU 1/2 counts as over 50") {
            const auto sums = sums_of(*backend, {{{0, 0, 0.5f, 0.25f}, {0, 0, 0.5f, 0.5f}}});
            CHECK(sums[BoxMetrics::kIoU] == 0.5f);
            CHECK(sums[BoxMetrics::kIoUOver50] == 1);
            CHECK(sums[BoxMetrics::kIoUOver75] == 0);
            CHECK(sums[BoxMetrics::kCentreError] == 0.125f);
            CHECK(sums[BoxMetrics::kSizeError] == 0.125f);
        }
        SUBCASE("boxes that do not meet, along one axis or both") {
            const auto sums = sums_of(*backend, {{{0, 0, 0.25f}, {0.5f, 0, 0.25f}},
                                                 {{0, 0.5f, 0.25f}, {0, 0, 0.25f}},
                                                 {{0, 0, 0.25f}, {0.75f, 0.75f, 0.25f}}});
            CHECK(sums[BoxMetrics::kIoU] == 0);
            CHECK(sums[BoxMetrics::kIoUOver50] == 0);
        }
        SUBCASE("square boxes leave the fourth sums alone") {
            const auto sums = sums_of(*backend, {{{0.5f, 0.25f, 0.125f}, {0, 0, 1}}});
            CHECK(sums[BoxMetrics::kPredicted] == 0.5f);
            CHECK(sums[BoxMetrics::kPredicted + 1] == 0.25f);
            CHECK(sums[BoxMetrics::kPredicted + 2] == 0.125f);
            CHECK(sums[BoxMetrics::kPredicted + 3] == 0);
            CHECK(sums[BoxMetrics::kPredictedSquared] == 0.25f);
            CHECK(sums[BoxMetrics::kPredictedSquared + 3] == 0);
            CHECK(sums[BoxMetrics::kFloor] == 0);  // 0 log 0 is 0
        }
        SUBCASE("finite steps end at the first loss that is not") {
            const Batch good = {{0, 0, 1}, {0, 0, 1}, 1};
            for (const float bad_loss : {NAN, INFINITY}) {
                const Batch bad = {{0, 0, 1}, {0, 0, 1}, bad_loss};
                const auto sums = sums_of(*backend, {good, good, bad, good});
                CHECK(sums[BoxMetrics::kSteps] == 4);
                CHECK(sums[BoxMetrics::kFiniteSteps] == 2);
                CHECK(sums[BoxMetrics::kImages] == 4);
            }
        }
    }
}

}  // namespace objloc
