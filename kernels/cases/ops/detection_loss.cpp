// detection_targets, detection_loss_forward and detection_loss_backward: objects for every grid, absent, ignored, over
// each other, of several classes, and sides beyond their bounds.
#include "objloc/kernels/reference/detection_loss.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "objloc/kernels/cases/differences.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {
namespace {

DetectionProblem problem_of(int64_t N, int64_t classes, const std::vector<Shape>& grids) {
    DetectionProblem problem;
    problem.N = N, problem.classes = classes;
    for (const Shape& grid : grids) problem.grid[problem.grids++] = {grid[0], grid[1]};
    return problem;
}

Shape shape_of_predictions(const DetectionProblem& problem) {
    return {problem.N, problem.cells(), problem.features()};
}

Shape shape_of_targets(const DetectionProblem& problem) {
    return {problem.N, problem.cells(), kTargetFields};
}

/// Rows of six numbers, each in f32.
Fill rows(const std::function<std::array<double, 6>(Random&)>& row) {
    return [row](Random& random, Array& array) {
        for (int64_t i = 0; i < array.count(); i += 6) {
            const std::array<double, 6> values = row(random);
            for (size_t f = 0; f < 6; ++f) array[i + static_cast<int64_t>(f)] = static_cast<float>(values[f]);
        }
    };
}

double unit(Random& random, int64_t least = 0) {
    return static_cast<double>(draw(random, least, 1 << 20)) / (1 << 20);
}

/// Objects of 0.02 to 0.9 of the side, of every class and state.
Fill truths(int64_t classes) {
    return rows([classes](Random& random) -> std::array<double, 6> {
        const double w = 0.02 * std::pow(45.0, unit(random)), h = 0.02 * std::pow(45.0, unit(random));
        return {unit(random) - w / 2,
                unit(random) - h / 2,
                w,
                h,
                static_cast<double>(draw(random, 0, classes - 1)),
                static_cast<double>(draw(random, -1, 1))};
    });
}

/// Targets as detection_targets may write them, near their cells and far.
Fill targets(int64_t classes) {
    return rows([classes](Random& random) -> std::array<double, 6> {
        return {unit(random, 1) * 0.5,
                unit(random, 1) * 0.5,
                0.1 + unit(random, 1),
                0.1 + unit(random, 1),
                static_cast<double>(draw(random, -2, classes - 1)),
                unit(random, 1)};
    });
}

OpCase assignment(const DetectionProblem& problem) {
    return {
        .op = "detection_targets",
        .shape = sizes_text(shape_of_predictions(problem)),
        .inputs = {{.name = "predictions", .shape = shape_of_predictions(problem)},
                   {.name = "truth",
                    .shape = {problem.N, kMaxObjects, kTruthFields},
                    .fill = truths(problem.classes)}},
        .outputs = {{.name = "targets", .shape = shape_of_targets(problem)}},
        .run =
            [problem](Backend& b, const auto& in, const auto& out) {
                localizer_kernels(b).detection_targets(problem, in[0], in[1], out[0]);
            },
        .reference = [problem](const Arrays& in,
                               Arrays& out) { reference::detection_targets(problem, in[0], in[1], out[0]); },
        .tolerance = rounded(16, "an overlap is a difference of ends, and rounds as they do"),
        .exact = false,
        .tiny = true};
}

OpCase loss(const DetectionProblem& problem, double reach) {
    return {
        .op = "detection_loss_forward",
        .shape = sizes_text(shape_of_predictions(problem)),
        .inputs = {{.name = "predictions",
                    .shape = shape_of_predictions(problem),
                    .fill = uniform(-reach, reach)},
                   {.name = "targets", .shape = shape_of_targets(problem), .fill = targets(problem.classes)}},
        .outputs = {{.name = "loss", .shape = {1}}},
        .run =
            [problem](Backend& b, const auto& in, const auto& out) {
                localizer_kernels(b).detection_loss_forward(problem, in[0], in[1], out[0]);
            },
        .reference = [problem](const Arrays& in,
                               Arrays& out) { out[0][0] = reference::detection_loss(problem, in[0], in[1]); },
        .tolerance = rounded(16, "an exponential is good to a few units in the last place of its argument"),
        .exact = false,
        .tiny = true};
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

OpCase differentiated(const DetectionProblem& problem, uint64_t seed) {
    OpCase op = loss(problem, 1);
    op.seed = seed;
    op.gradient = {.backward =
                       [problem](Backend& backend, const auto& in, const Tensor& dy) {
                           const Tensor slope = backend.allocate(in[0].shape());
                           localizer_kernels(backend).detection_loss_backward(problem, in[0], in[1], dy,
                                                                              slope);
                           return std::vector<Tensor>{slope, Tensor()};
                       },
                   .kink_distance = [problem](const Arrays& in) { return distance_of_edges(problem, in); },
                   .tolerance = 1e-4,
                   .reason = "differences of f32 areas, and the step's own error where the hull is small"};
    return op;
}

OpCase backward(const DetectionProblem& problem) {
    OpCase op = loss(problem, 1);
    op.op = "detection_loss_backward";
    op.inputs.push_back({.name = "dloss", .shape = {1}});
    op.outputs = {{.name = "dpredictions", .shape = shape_of_predictions(problem)}};
    op.run = [problem](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).detection_loss_backward(problem, in[0], in[1], in[2], out[0]);
    };
    op.reference = nullptr;
    op.reference_at = [problem](const Arrays& in, size_t, int64_t element) {
        DetectionProblem alone = problem;
        alone.N = 1;
        const int64_t image = in[0].count() / problem.N, n = element / image;
        const auto value = [&](const Arrays& at) { return reference::detection_loss(alone, at[0], at[1]); };
        const Arrays there = {image_of(in[0], n), image_of(in[1], n)};
        return in[2][0] * difference_quotient(value, there, 0, element % image, 1e-6) /
               static_cast<double>(problem.N);
    };
    op.tolerance = {1e-5, 1e-4, 1e-11, "differences of f32 areas, which cancel where a box is thin"};
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const int64_t classes : {1, 3}) {
        std::vector<DetectionProblem> problems = {
            problem_of(1, classes, {{1, 1}}), problem_of(3, classes, {{8, 8}, {4, 4}, {2, 2}}),
            problem_of(5, classes, {{5, 3}, {2, 3}}),
            problem_of(2, classes, {{32, 32}, {16, 16}, {8, 8}, {8, 8}})};
        for (int i = 0; i < kRandomShapes; ++i) {
            const int64_t N = draw(shapes, 1, 3), rows = draw(shapes, 1, 9), columns = draw(shapes, 1, 9);
            problems.push_back(
                problem_of(N, classes, {{rows, columns}, {(rows + 1) / 2, (columns + 1) / 2}}));
        }
        for (const DetectionProblem& problem : problems) {
            cases.push_back(assignment(problem));
            cases.push_back(loss(problem, 1));
            cases.push_back(loss(problem, 6));  // sides beyond their bounds, scores that are sure
        }
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            cases.push_back(differentiated(problem_of(1, classes, {{2, 2}, {1, 1}}), seed));
            cases.push_back(differentiated(problem_of(2, classes, {{2, 1}}), seed));
        }
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const DetectionProblem problem = problem_of(sizes.batch, 1, sizes.grids);
    return {assignment(problem), loss(problem, 1), backward(problem)};
}

}  // namespace

const OpCases op_cases::detection_loss = {tests, bench};

}  // namespace objloc
