// giou_loss_forward and giou_loss_backward: boxes that overlap, that lie within each other, that do not meet, and that
// are too thin to count.
#include "objloc/kernels/reference/giou_loss.h"

#include <algorithm>
#include <cmath>

#include "objloc/kernels/cases/differences.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {
namespace {

OpCase forward(const Shape& boxes, const Fill& guess) {
    return {.op = "giou_loss_forward",
            .shape = sizes_text(boxes),
            .inputs = {{.name = "predicted", .shape = boxes, .fill = guess},
                       {.name = "truth", .shape = boxes, .fill = uniform(0.1, 0.5)}},
            .outputs = {{.name = "loss", .shape = {1}}},
            .run = [](Backend& b, const auto& in,
                      const auto& out) { localizer_kernels(b).giou_loss_forward(in[0], in[1], out[0]); },
            .reference = [](const Arrays& in,
                            Arrays& out) { out[0][0] = reference::giou_loss_forward(in[0], in[1]); },
            .tolerance = rounded(16, "an overlap is a difference of ends, and rounds as they do"),
            .exact = false,
            .tiny = true};
}

/// How near two edges are to each other: there the loss has a kink.
double distance_of_edges(const Arrays& in) {
    double nearest = 1;
    for (int64_t n = 0; n < in[0].shape[0]; ++n) {
        for (const int64_t axis : {0, 1}) {
            const int64_t extent = axis == 0 ? 2 : in[0].shape[1] - 1;
            const double begin = in[0].at(n, axis), end = begin + in[0].at(n, extent);
            const double true_begin = in[1].at(n, axis), true_end = true_begin + in[1].at(n, extent);
            for (const double a : {begin, end}) {
                for (const double b : {true_begin, true_end})
                    nearest = std::min(nearest, std::abs(a - b) / 2);
            }
        }
    }
    return nearest;
}

OpCase differentiated(int64_t outputs, const Fill& guess, uint64_t seed) {
    OpCase op = forward({6, outputs}, guess);
    op.seed = seed;
    op.gradient = {.backward =
                       [](Backend& backend, const auto& in, const Tensor& dy) {
                           const Tensor slope = backend.allocate(in[0].shape());
                           localizer_kernels(backend).giou_loss_backward(in[0], in[1], dy, slope);
                           return std::vector<Tensor>{slope, Tensor()};
                       },
                   .kink_distance = distance_of_edges,
                   .tolerance = 1e-4,
                   .reason = "differences of f32 areas, and the step's own error where the hull is small"};
    return op;
}

OpCase backward(const Shape& boxes) {
    OpCase op = forward(boxes, uniform(0.05, 0.95));
    op.op = "giou_loss_backward";
    op.inputs.push_back({.name = "dloss", .shape = {1}});
    op.outputs = {{.name = "dpredicted", .shape = boxes}};
    op.run = [](Backend& b, const auto& in, const auto& out) {
        localizer_kernels(b).giou_loss_backward(in[0], in[1], in[2], out[0]);
    };
    op.reference = nullptr;
    op.reference_at = [](const Arrays& in, size_t,
                         int64_t element) {  // elements lie far enough from the kinks
        const auto loss = [](const Arrays& moved) {
            return reference::giou_loss_forward(moved[0], moved[1]);
        };
        return in[2][0] * difference_quotient(loss, in, 0, element, 1e-6);
    };
    op.tolerance = summed(boxes.count() + 64);
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases;
    for (const int64_t outputs : {3, 4}) {
        for (const int64_t count :
             {int64_t{1}, int64_t{5}, int64_t{64}, int64_t{1000}, draw(shapes, 1, 300)}) {
            cases.push_back(forward({count, outputs}, uniform(0.1, 0.5)));
            cases.push_back(forward({count, outputs}, uniform(0.0, 1.0)));
            cases.push_back(forward({count, outputs}, these({0.3, 0.3, -0.1, 0.0004, 0.9, 0.2, 0.25})));
        }
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            cases.push_back(differentiated(outputs, uniform(0.1, 0.5), seed));
            cases.push_back(differentiated(outputs, uniform(0.5, 0.9), seed));  // mostly apart
        }
        cases.push_back(backward({9, outputs}));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape boxes = {sizes.batch, sizes.outputs};
    return {forward(boxes, uniform(0.05, 0.95)), backward(boxes)};
}

}  // namespace

const OpCases op_cases::giou_loss = {tests, bench};

}  // namespace objloc
