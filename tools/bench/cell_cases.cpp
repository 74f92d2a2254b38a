// The cells head: votes of all grids side by side, and boxes from them.
#include <fmt/format.h>

#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/cell_boxes.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

constexpr int64_t kTranscendental = 64;  // of exp and tanh: as many roundings as a sum of so many terms has
constexpr double kStep = 1e-5;

/// Of a localizer whose images have so many pixels a side.
std::vector<Shape> grids_of(int64_t side) {
    return {{side / 4, side / 4}, {side / 8, side / 8}, {side / 16, side / 16}, {side / 16, side / 16}};
}

CellBoxesProblem problem_of(int64_t N, int64_t outputs, const std::vector<Shape>& grids) {
    CellBoxesProblem problem;
    problem.N = N, problem.outputs = outputs;
    for (const Shape& grid : grids) problem.grid[problem.grids++] = {grid[0], grid[1]};
    return problem;
}

/// Votes whose cells all deserve the same attention, so that its values are known beforehand.
void equal_attention(Random& random, Array& votes) {
    uniform(-1, 1)(random, votes);
    for (int64_t i = 0; i < votes.count(); i += votes.shape[2]) votes[i] = 0;
}

KernelCase forward(const CellBoxesProblem& problem, const std::vector<Shape>& grids) {
    const Shape votes = {problem.N, problem.cells(), 1 + problem.outputs};
    KernelCase op;
    op.op = "cell_boxes_forward";
    op.shape = sizes_text(votes);
    op.inputs = {{.name = "votes", .shape = votes}};
    op.outputs = {{{problem.N, problem.cells()}}, {{problem.N, problem.outputs}}};
    op.terms = problem.cells() + kTranscendental;
    op.run = [problem](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).cell_boxes_forward(problem, in[0], out[0], out[1]);
    };
    op.reference = [grids](const Arrays& in, Arrays& out) {
        out[0] = reference::cell_attention(in[0]);
        out[1] = reference::cell_boxes_forward(in[0], grids);
    };
    return op;
}

/// The slope of dboxes * boxes along one vote, by central differences of the reference, of one image.
double slope(const Arrays& in, int64_t element, const std::vector<Shape>& grids) {
    const Shape& shape = in[0].shape;
    const int64_t outputs = shape[2] - 1, image = shape[1] * shape[2], n = element / image;
    Array votes({1, shape[1], shape[2]});
    for (int64_t i = 0; i < image; ++i) votes[i] = in[0][n * image + i];
    const auto value = [&](double step) {
        Array moved = votes;
        moved[element % image] += step;
        const Array box = reference::cell_boxes_forward(moved, grids);
        double sum = 0;
        for (int64_t o = 0; o < outputs; ++o) sum += in[2].at(n, o) * box[o];
        return sum;
    };
    return (value(kStep) - value(-kStep)) / (2 * kStep);
}

KernelCase backward(const CellBoxesProblem& problem, const std::vector<Shape>& grids) {
    KernelCase op = forward(problem, grids);
    const Shape votes = op.inputs[0].shape;
    op.op = "cell_boxes_backward";
    op.inputs = {{.name = "votes", .shape = votes, .fill = equal_attention},
                 {.name = "attention",
                  .shape = {problem.N, problem.cells()},
                  .fill = these({1 / static_cast<double>(problem.cells())})},
                 {.name = "dboxes", .shape = {problem.N, problem.outputs}}};
    op.outputs = {{votes}};
    op.run = [problem](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).cell_boxes_backward(problem, in[0], in[1], in[2], out[0]);
    };
    op.reference = nullptr;
    op.reference_at = [grids](const Arrays& in, size_t, int64_t element) {
        return slope(in, element, grids);
    };
    return op;
}

/// The votes of all grids, side by side in each image's row.
KernelCase concatenate(int64_t N, int64_t features, const std::vector<Shape>& grids) {
    KernelCase op;
    op.op = "copy_columns";
    int64_t columns = 0;
    for (const Shape& grid : grids) {
        const int64_t width = grid.count() * features;
        op.inputs.push_back({.name = "part", .shape = {N, width}});
        op.shape += fmt::format("{}{}", columns == 0 ? fmt::format("{}x", N) : "+", width);
        columns += width;
    }
    op.outputs = {{{N, columns}}};
    op.run = [](Backend& b, const auto& in, const auto& out) {
        int64_t column = 0;
        for (const Tensor& part : in) {
            b.copy_columns(part, 0, out[0], column, part.shape()[1]);
            column += part.shape()[1];
        }
    };
    op.reference_at = [columns](const Arrays& in, size_t, int64_t element) {
        const int64_t n = element / columns;
        int64_t column = element % columns;
        size_t part = 0;
        for (; column >= in[part].shape[1]; ++part) column -= in[part].shape[1];
        return in[part].at(n, column);
    };
    return op;
}

}  // namespace

std::vector<KernelCase> cell_cases(int64_t N, int64_t side, int64_t outputs) {
    const std::vector<Shape> grids = grids_of(side);
    const CellBoxesProblem problem = problem_of(N, outputs, grids);
    return {concatenate(N, 1 + outputs, grids), forward(problem, grids), backward(problem, grids)};
}

}  // namespace objloc::bench
