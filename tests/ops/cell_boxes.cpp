// cell_boxes against its reference, and its gradient against central differences.
#include <doctest/doctest.h>

#include <utility>

#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/cell_boxes.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

/// Images, the grids' (rows, columns), numbers in a vote.
struct Votes {
    int64_t N;
    std::vector<Shape> grids;
    int64_t features;

    CellBoxesProblem problem() const {
        CellBoxesProblem problem;
        problem.N = N;
        problem.outputs = features - 1;
        for (const Shape& grid : grids) problem.grid[problem.grids++] = {grid[0], grid[1]};
        return problem;
    }
    Shape shape() const { return {N, problem().cells(), features}; }
    Shape attention() const { return {N, problem().cells()}; }
    Shape boxes() const { return {N, features - 1}; }
    std::string text() const { return std::to_string(grids.size()) + " grids, " + shape().text(); }
};

OpCase forward(const Votes& votes, double spread) {
    OpCase op;
    op.name = "cell_boxes_forward " + votes.text();
    op.inputs = {{.name = "votes", .shape = votes.shape(), .fill = uniform(-spread, spread)}};
    op.outputs = {{.name = "attention", .shape = votes.attention()},
                  {.name = "boxes", .shape = votes.boxes()}};
    op.run = [votes](Backend& backend, const auto& in, const auto& out) {
        localizer_kernels(backend).cell_boxes_forward(votes.problem(), in[0], out[0], out[1]);
    };
    op.reference = [votes](const Arrays& in, Arrays& out) {
        out[0] = reference::cell_attention(in[0]);
        out[1] = reference::cell_boxes_forward(in[0], votes.grids);
    };
    op.tolerance = rounded(16, "an exponential is good to a few units in the last place of its argument");
    op.exact = false;
    op.tiny = true;
    return op;
}

GradientCase gradient(const Votes& votes) {
    GradientCase gradient;
    gradient.name = "cell_boxes " + votes.text();
    gradient.inputs = {{.name = "votes", .shape = votes.shape(), .fill = uniform(-1, 1)}};
    gradient.output = votes.boxes();
    gradient.forward = [votes](const Arrays& in) {
        return reference::cell_boxes_forward(in[0], votes.grids);
    };
    gradient.backward = [votes](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor attention = backend.allocate(votes.attention());
        const Tensor boxes = backend.allocate(votes.boxes()), slope = backend.allocate(votes.shape());
        localizer_kernels(backend).cell_boxes_forward(votes.problem(), in[0], attention, boxes);
        localizer_kernels(backend).cell_boxes_backward(votes.problem(), in[0], attention, dy, slope);
        return std::vector<Tensor>{slope};
    };
    return gradient;
}

}  // namespace

TEST_CASE("cell_boxes") {
    const std::vector<std::pair<int64_t, std::vector<Shape>>> images_and_grids = {
        {1, {{1, 1}}},
        {2, {{3, 5}}},
        {3, {{8, 8}}},
        {9, {{1, 13}, {2, 1}}},
        {1, {{16, 16}, {8, 8}, {4, 4}, {4, 4}}},        // of a localizer for 64 pixels
        {2, {{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 1}}},  // as many grids as there may be
    };
    for (const int64_t features : {4, 5}) {
        for (const auto& [N, grids] : images_and_grids) {
            const Votes votes{N, grids, features};
            check(forward(votes, 1));
            check(forward(votes, 30));  // one cell has nearly all the attention
            check(gradient(votes));
        }
    }
}

}  // namespace objloc
