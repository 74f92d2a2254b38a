// cell_boxes_forward and cell_boxes_backward.
#include "objloc/kernels/reference/cell_boxes.h"

#include "objloc/kernels/cases/differences.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

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
};

OpCase forward(const Votes& votes, double spread) {
    return {
        .op = "cell_boxes_forward",
        .shape = sizes_text(votes.shape()),
        .inputs = {{.name = "votes", .shape = votes.shape(), .fill = uniform(-spread, spread)}},
        .outputs = {{.name = "attention", .shape = votes.attention()},
                    {.name = "boxes", .shape = votes.boxes()}},
        .run =
            [problem = votes.problem()](Backend& b, const auto& in, const auto& out) {
                localizer_kernels(b).cell_boxes_forward(problem, in[0], out[0], out[1]);
            },
        .reference =
            [votes](const Arrays& in, Arrays& out) {
                out[0] = reference::cell_attention(in[0]);
                out[1] = reference::cell_boxes_forward(in[0], votes.grids);
            },
        .tolerance = rounded(16, "an exponential is good to a few units in the last place of its argument"),
        .exact = false,
        .tiny = true};
}

OpCase differentiated(const Votes& votes) {
    OpCase op = forward(votes, 1);
    op.gradient.output = 1;
    op.gradient.backward = [votes](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor attention = backend.allocate(votes.attention());
        const Tensor boxes = backend.allocate(votes.boxes()), slope = backend.allocate(votes.shape());
        localizer_kernels(backend).cell_boxes_forward(votes.problem(), in[0], attention, boxes);
        localizer_kernels(backend).cell_boxes_backward(votes.problem(), in[0], attention, dy, slope);
        return std::vector<Tensor>{slope};
    };
    return op;
}

/// Votes whose cells all deserve the same attention, so that its values are known beforehand.
void equal_attention(Random& random, Array& votes) {
    uniform(-1, 1)(random, votes);
    for (int64_t i = 0; i < votes.count(); i += votes.shape[2]) votes[i] = 0;
}

/// The slope of dboxes * boxes along one vote.
double slope(const Arrays& in, int64_t element, const std::vector<Shape>& grids) {
    const int64_t image = in[0].count() / in[0].shape[0], n = element / image;
    const auto value = [&](const Arrays& votes) {
        const Array box = reference::cell_boxes_forward(votes[0], grids);
        double sum = 0;
        for (int64_t o = 0; o < box.count(); ++o) sum += in[2].at(n, o) * box[o];
        return sum;
    };
    return difference_quotient(value, {image_of(in[0], n)}, 0, element % image, 1e-5);
}

OpCase backward(const Votes& votes) {
    const Fill equal = these({1 / static_cast<double>(votes.problem().cells())});
    return {
        .op = "cell_boxes_backward",
        .shape = sizes_text(votes.shape()),
        .inputs = {{.name = "votes", .shape = votes.shape(), .fill = equal_attention},
                   {.name = "attention", .shape = votes.attention(), .fill = equal},
                   {.name = "dboxes", .shape = votes.boxes()}},
        .outputs = {{.name = "dvotes", .shape = votes.shape()}},
        .run =
            [problem = votes.problem()](Backend& b, const auto& in, const auto& out) {
                localizer_kernels(b).cell_boxes_backward(problem, in[0], in[1], in[2], out[0]);
            },
        .reference_at = [votes](const Arrays& in, size_t, int64_t i) { return slope(in, i, votes.grids); },
        .tolerance = summed(64),  // a sum over cells, and what tanh and its argument round
        .exact = false,
        .tiny = true};
}

Votes random_votes(Random& random) {
    Votes votes{draw(random, 1, 4), {}, draw(random, 4, 5)};
    const int64_t grids = draw(random, 1, 5);
    for (int64_t g = 0; g < grids; ++g) votes.grids.push_back({draw(random, 1, 7), draw(random, 1, 7)});
    return votes;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<Votes> all;
    for (const int64_t features : {4, 5}) {
        all.push_back({1, {{1, 1}}, features});
        all.push_back({2, {{3, 5}}, features});
        all.push_back({3, {{8, 8}}, features});
        all.push_back({9, {{1, 13}, {2, 1}}, features});
        all.push_back({1, {{16, 16}, {8, 8}, {4, 4}, {4, 4}}, features});  // of a localizer for 64 pixels
        all.push_back(
            {2, {{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 1}}, features});  // as many grids as there may be
    }
    for (int i = 0; i < kRandomShapes; ++i) all.push_back(random_votes(shapes));
    std::vector<OpCase> cases;
    for (const Votes& votes : all) {
        cases.push_back(differentiated(votes));
        cases.push_back(forward(votes, 30));  // one cell has nearly all the attention
        cases.push_back(backward(votes));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Votes votes{sizes.batch, sizes.grids, 1 + sizes.outputs};
    return {forward(votes, 1), backward(votes)};
}

}  // namespace

const OpCases op_cases::cell_boxes = {tests, bench};

}  // namespace objloc
