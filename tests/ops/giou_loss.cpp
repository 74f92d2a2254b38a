// giou_loss against its reference, and its gradient against central differences: boxes that overlap, that lie
// within each other, that do not meet, and that are too thin to count.
#include <doctest/doctest.h>

#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/giou_loss.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

OpCase forward(int64_t count, int64_t outputs, const Fill& guess) {
    OpCase op;
    op.name = "giou_loss_forward " + Shape{count, outputs}.text();
    op.inputs = {{.name = "predicted", .shape = {count, outputs}, .fill = guess},
                 {.name = "truth", .shape = {count, outputs}, .fill = uniform(0.1, 0.5)}};
    op.outputs = {{.name = "loss", .shape = {1}}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        localizer_kernels(backend).giou_loss_forward(in[0], in[1], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) {
        out[0][0] = reference::giou_loss_forward(in[0], in[1]);
    };
    op.tolerance = rounded(16, "an overlap is a difference of ends, and rounds as they do");
    op.exact = false;
    op.tiny = true;
    return op;
}

GradientCase gradient(int64_t outputs, double low, double high, uint64_t seed) {
    GradientCase gradient;
    gradient.name = "giou_loss";
    gradient.inputs = {{.name = "predicted", .shape = {6, outputs}, .fill = uniform(low, high)},
                       {.name = "truth", .shape = {6, outputs}, .fill = uniform(0.1, 0.5)}};
    gradient.output = {1};
    gradient.forward = [](const Arrays& in) {
        Array result(Shape{1});
        result[0] = reference::giou_loss_forward(in[0], in[1]);
        return result;
    };
    gradient.backward = [](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor slope = backend.allocate(in[0].shape());
        localizer_kernels(backend).giou_loss_backward(in[0], in[1], dy, slope);
        return std::vector<Tensor>{slope, Tensor()};
    };
    // The loss has kinks where two edges meet.
    gradient.kink_distance = [outputs](const Arrays& in) {
        double nearest = 1;
        for (int64_t n = 0; n < 6; ++n) {
            for (const int64_t axis : {0, 1}) {
                const int64_t extent = axis == 0 ? 2 : outputs - 1;
                const double begin = in[0].at(n, axis), end = begin + in[0].at(n, extent);
                const double true_begin = in[1].at(n, axis), true_end = true_begin + in[1].at(n, extent);
                for (const double a : {begin, end}) {
                    for (const double b : {true_begin, true_end})
                        nearest = std::min(nearest, std::abs(a - b) / 2);
                }
            }
        }
        return nearest;
    };
    gradient.tolerance = 1e-4;
    gradient.reason = "differences of f32 areas, and the step's own error where the hull is small";
    gradient.seed = seed;
    return gradient;
}

}  // namespace

TEST_CASE("giou_loss") {
    for (const int64_t outputs : {3, 4}) {
        for (const int64_t count : {1, 5, 64, 1000}) {
            check(forward(count, outputs, uniform(0.1, 0.5)));
            check(forward(count, outputs, uniform(0.0, 1.0)));
            check(forward(count, outputs, these({0.3, 0.3, -0.1, 0.0004, 0.9, 0.2, 0.25})));
        }
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            check(gradient(outputs, 0.1, 0.5, seed));
            check(gradient(outputs, 0.5, 0.9, seed));  // mostly apart
        }
    }
}

}  // namespace objloc
