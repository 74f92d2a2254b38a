// detection_targets and detection_loss against their reference, and the gradient against central differences: objects
// for every grid, absent, ignored, over each other, of several classes, and sides beyond their bounds.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/detection_loss.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

DetectionProblem problem_of(int64_t N, int64_t classes, const std::vector<CellGrid>& grids) {
    DetectionProblem problem;
    problem.N = N, problem.classes = classes;
    for (const CellGrid& grid : grids) problem.grid[problem.grids++] = grid;
    return problem;
}

std::string text(const DetectionProblem& problem) {
    return Shape{problem.N, problem.cells(), problem.features()}.text() + ", " +
           std::to_string(problem.grids) + " grids";
}

double as_float(double value) {
    return double{static_cast<float>(value)};
}

/// Objects of 0.02 to 0.9 of the side, of every class and state.
Fill truths(int64_t classes) {
    return [classes](Random& random, Array& array) {
        for (int64_t row = 0; row < array.count() / 6; ++row) {
            const auto unit = [&] { return static_cast<double>(draw(random, 0, 1 << 20)) / (1 << 20); };
            const double w = 0.02 * std::pow(45.0, unit()), h = 0.02 * std::pow(45.0, unit());
            const double values[] = {unit() - w / 2,
                                     unit() - h / 2,
                                     w,
                                     h,
                                     static_cast<double>(draw(random, 0, classes - 1)),
                                     static_cast<double>(draw(random, -1, 1))};
            for (int f = 0; f < 6; ++f) array[row * 6 + f] = as_float(values[f]);
        }
    };
}

/// Targets as detection_targets may write them, near their cells and far.
Fill targets(int64_t classes) {
    return [classes](Random& random, Array& array) {
        for (int64_t row = 0; row < array.count() / 6; ++row) {
            const auto unit = [&] { return static_cast<double>(draw(random, 1, 1 << 20)) / (1 << 20); };
            const double values[] = {unit() * 0.5,
                                     unit() * 0.5,
                                     0.1 + unit(),
                                     0.1 + unit(),
                                     static_cast<double>(draw(random, -2, classes - 1)),
                                     unit()};
            for (int f = 0; f < 6; ++f) array[row * 6 + f] = as_float(values[f]);
        }
    };
}

OpCase assignment(const DetectionProblem& problem) {
    OpCase op;
    op.name = "detection_targets " + text(problem);
    op.inputs = {
        {.name = "predictions", .shape = {problem.N, problem.cells(), problem.features()}},
        {.name = "truth", .shape = {problem.N, kMaxObjects, kTruthFields}, .fill = truths(problem.classes)}};
    op.outputs = {{.name = "targets", .shape = {problem.N, problem.cells(), kTargetFields}}};
    op.run = [problem](Backend& backend, const auto& in, const auto& out) {
        localizer_kernels(backend).detection_targets(problem, in[0], in[1], out[0]);
    };
    op.reference = [problem](const Arrays& in, Arrays& out) {
        reference::detection_targets(problem, in[0], in[1], out[0]);
    };
    op.tolerance = rounded(16, "an overlap is a difference of ends, and rounds as they do");
    op.exact = false;
    op.tiny = true;
    return op;
}

OpCase loss(const DetectionProblem& problem, double reach) {
    OpCase op;
    op.name = "detection_loss_forward " + text(problem);
    op.inputs = {{.name = "predictions",
                  .shape = {problem.N, problem.cells(), problem.features()},
                  .fill = uniform(-reach, reach)},
                 {.name = "targets",
                  .shape = {problem.N, problem.cells(), kTargetFields},
                  .fill = targets(problem.classes)}};
    op.outputs = {{.name = "loss", .shape = {1}}};
    op.run = [problem](Backend& backend, const auto& in, const auto& out) {
        localizer_kernels(backend).detection_loss_forward(problem, in[0], in[1], out[0]);
    };
    op.reference = [problem](const Arrays& in, Arrays& out) {
        out[0][0] = reference::detection_loss(problem, in[0], in[1]);
    };
    op.tolerance = rounded(16, "an exponential is good to a few units in the last place of its argument");
    op.exact = false;
    op.tiny = true;
    return op;
}

/// How far the sides are from those of the targets, in raw units: GIoU has kinks where edges meet.
double distance_of_edges(const DetectionProblem& problem, const Arrays& in) {
    double nearest = 1;
    for (int64_t i = 0; i < problem.N * problem.cells(); ++i) {
        const double *said = in[0].values.data() + i * problem.features() + problem.classes,
                     *target = in[1].values.data() + i * kTargetFields;
        const auto cell = reference::detection_cell(problem, i % problem.cells());
        const auto box = reference::detection_box(cell, said);
        const double ends[2][2] = {{box.x, box.x + box.w}, {box.y, box.y + box.h}};
        for (int axis = 0; axis < 2; ++axis) {
            for (const double end : ends[axis]) {
                for (const double other : {target[axis], target[axis] + target[axis + 2]}) {
                    const double side = std::max(cell.x, cell.y) + 2;  // no side of a small raw is longer
                    nearest = std::min(nearest, std::abs(end - other) / side);
                }
            }
        }
    }
    return nearest;
}

GradientCase gradient(const DetectionProblem& problem, uint64_t seed) {
    GradientCase gradient;
    gradient.name = "detection_loss " + text(problem);
    gradient.inputs = {{.name = "predictions", .shape = {problem.N, problem.cells(), problem.features()}},
                       {.name = "targets",
                        .shape = {problem.N, problem.cells(), kTargetFields},
                        .fill = targets(problem.classes)}};
    gradient.output = {1};
    gradient.forward = [problem](const Arrays& in) {
        Array result(Shape{1});
        result[0] = reference::detection_loss(problem, in[0], in[1]);
        return result;
    };
    gradient.backward = [problem](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor slope = backend.allocate(in[0].shape());
        localizer_kernels(backend).detection_loss_backward(problem, in[0], in[1], dy, slope);
        return std::vector<Tensor>{slope, Tensor()};
    };
    gradient.kink_distance = [problem](const Arrays& in) { return distance_of_edges(problem, in); };
    gradient.tolerance = 1e-4;
    gradient.reason = "differences of f32 areas, and the step's own error where the hull is small";
    gradient.seed = seed;
    return gradient;
}

}  // namespace

TEST_CASE("detection_targets and detection_loss") {
    for (const int64_t classes : {1, 3}) {
        for (const auto& problem :
             {problem_of(1, classes, {{1, 1}}), problem_of(3, classes, {{8, 8}, {4, 4}, {2, 2}}),
              problem_of(5, classes, {{5, 3}, {2, 3}}),
              problem_of(2, classes, {{32, 32}, {16, 16}, {8, 8}, {8, 8}})}) {
            check(assignment(problem));
            check(loss(problem, 1));
            check(loss(problem, 6));  // sides beyond their bounds, scores that are sure
        }
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            check(gradient(problem_of(1, classes, {{2, 2}, {1, 1}}), seed));
            check(gradient(problem_of(2, classes, {{2, 1}}), seed));
        }
    }
}

TEST_CASE("detection_targets: who is responsible for an object") {
    const DetectionProblem problem = problem_of(1, 1, {{32, 32}, {16, 16}, {8, 8}, {4, 4}});
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
