// mean, forward and backward, and sum_squares.
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/reference/mean.h"
#include "objloc/kernels/reference/sum_squares.h"

namespace objloc {
namespace {

/// A quotient by another number rounds.
bool is_power_of_two(int64_t count) {
    return (count & (count - 1)) == 0;
}

OpCase mean_forward(const Shape& shape) {
    return {.op = "mean_forward",
            .shape = sizes_text(shape),
            // Not around 0: a mean that cancels says nothing about its summands' errors.
            .inputs = {{.name = "x", .shape = shape, .fill = uniform(-1, 2)}},
            .outputs = {{.name = "y", .shape = {1}}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.mean_forward(in[0], out[0]); },
            .reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::mean_forward(in[0]); },
            .tolerance = summed(shape.count()),
            .exact = is_power_of_two(shape.count()),
            .unaligned = true,
            .tiny = true};
}

OpCase mean_backward(const Shape& shape) {
    return {.op = "mean_backward",
            .shape = sizes_text(shape),
            .inputs = {{.name = "dy", .shape = {1}}},
            .outputs = {{.name = "dx", .shape = shape}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.mean_backward(in[0], out[0]); },
            .reference_at = [count = shape.count()](
                                const Arrays& in, size_t,
                                int64_t) { return reference::mean_backward(in[0][0], count); },
            .tolerance = rounded(2, "a reciprocal and a product"),
            .exact = is_power_of_two(shape.count()),
            .unaligned = true,
            .tiny = true};
}

OpCase sum_squares(const Shape& shape) {
    return {.op = "sum_squares",
            .shape = sizes_text(shape),
            .inputs = {{.name = "x", .shape = shape}},
            .outputs = {{.name = "y", .shape = {1}}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.sum_squares(in[0], out[0]); },
            .reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::sum_squares(in[0]); },
            .tolerance = summed(shape.count()),
            .unaligned = true,
            .tiny = true};
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = {{1}, {7}, {4, 5, 3}, {1023}, {4096}, {2, 64, 33, 16}, {300'001}};
    for (int i = 0; i < kRandomShapes; ++i) shapes.push_back({draw(random, 1, 60), draw(random, 1, 60)});
    std::vector<OpCase> cases;
    for (const auto& op : {mean_forward, mean_backward, sum_squares}) {
        for (const Shape& shape : shapes) cases.push_back(op(shape));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape boxes = {sizes.batch, sizes.outputs};
    return {mean_forward(boxes), mean_backward(boxes), sum_squares({sizes.parameters})};
}

}  // namespace

const OpCases op_cases::reductions = {tests, bench};

}  // namespace objloc
