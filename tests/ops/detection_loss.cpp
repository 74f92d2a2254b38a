// Who is responsible for an object. The cases of detection_targets and detection_loss are
// kernels/cases/ops/detection_loss.cpp.
#include <doctest/doctest.h>

#include <vector>

#include "objloc/kernels/localizer/detection.h"

namespace objloc {

TEST_CASE("detection_targets: who is responsible for an object") {
    const DetectionProblem problem = {.N = 1, .grids = 4, .grid = {{32, 32}, {16, 16}, {8, 8}, {4, 4}}};
    const std::vector<float> nothing(static_cast<size_t>(problem.features()), 0.f);
    const auto responsible = [&](const GiouBox& object) {
        std::vector<int> cells(static_cast<size_t>(problem.grids));
        float truth[kMaxObjects * kTruthFields] = {object.x, object.y, object.w, object.h, 0, kObjectPresent};
        for (int64_t c = 0; c < problem.cells(); ++c) {
            float target[kTargetFields];
            write_target(problem, c, nothing.data(), truth, target);
            if (target[4] == 0) ++cells[static_cast<size_t>(cell_place(problem, c).grid)];
        }
        return cells;
    };
    CHECK(responsible({0.501f, 0.501f, 0.01f, 0.01f}) ==
          std::vector<int>{1, 0, 0, 0});  // the finest grid alone
    CHECK(responsible({0.301f, 0.301f, 0.9f, 0.9f})[0] == 0);
    // Its middle is at 0.48; the middles of three columns and rows of four lie within kNear cells of that.
    CHECK(responsible({0.03f, 0.03f, 0.9f, 0.9f}) == std::vector<int>{0, 0, 0, 9});
    // Every size has a cell, wherever it lies.
    for (float size = 0.01f; size < 1; size *= 1.3f) {
        for (float at = 0; at < 1 - size; at += 0.0371f) {
            const std::vector<int> cells = responsible({at, at / 2, size, size / 3});
            CAPTURE(size);
            CAPTURE(at);
            CHECK(cells[0] + cells[1] + cells[2] + cells[3] > 0);
        }
    }
}

}  // namespace objloc
