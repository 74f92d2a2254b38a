// mean and sum_squares against their references.
#include <doctest/doctest.h>

#include "objloc/kernels/reference/mean.h"
#include "objloc/kernels/reference/sum_squares.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

const std::vector<Shape> kShapes = {{1}, {7}, {4, 5, 3}, {1023}, {2, 64, 33, 16}, {300'001}};

OpCase mean_forward(const Shape& shape) {
    OpCase op;
    op.name = "mean_forward " + shape.text();
    // Not around 0: a mean that cancels says nothing about its summands' errors.
    op.inputs = {{.name = "x", .shape = shape, .fill = uniform(-1, 2)}};
    op.outputs = {{.name = "y", .shape = {1}}};
    op.run = [](Backend& backend, const auto& in, const auto& out) { backend.mean_forward(in[0], out[0]); };
    op.reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::mean_forward(in[0]); };
    op.tolerance = summed(shape.count());
    op.exact = (shape.count() & (shape.count() - 1)) == 0;  // a quotient by another number rounds
    op.unaligned = true;
    op.tiny = true;
    return op;
}

OpCase mean_backward(const Shape& shape) {
    OpCase op;
    op.name = "mean_backward " + shape.text();
    op.inputs = {{.name = "dy", .shape = {1}}};
    op.outputs = {{.name = "dx", .shape = shape}};
    op.run = [](Backend& backend, const auto& in, const auto& out) { backend.mean_backward(in[0], out[0]); };
    op.reference = [](const Arrays& in, Arrays& out) {
        for (double& dx : out[0].values) dx = reference::mean_backward(in[0][0], out[0].count());
    };
    op.tolerance = rounded(2, "a reciprocal and a product");
    op.exact = (shape.count() & (shape.count() - 1)) == 0;
    op.unaligned = true;
    op.tiny = true;
    return op;
}

OpCase sum_squares(const Shape& shape) {
    OpCase op;
    op.name = "sum_squares " + shape.text();
    op.inputs = {{.name = "x", .shape = shape}};
    op.outputs = {{.name = "y", .shape = {1}}};
    op.run = [](Backend& backend, const auto& in, const auto& out) { backend.sum_squares(in[0], out[0]); };
    op.reference = [](const Arrays& in, Arrays& out) { out[0][0] = reference::sum_squares(in[0]); };
    op.tolerance = summed(shape.count());
    op.unaligned = true;
    op.tiny = true;
    return op;
}

}  // namespace

TEST_CASE("mean") {
    for (const Shape& shape : kShapes) {
        check(mean_forward(shape));
        check(mean_backward(shape));
    }
    check(mean_forward({4096}));
    check(mean_backward({4096}));
}

TEST_CASE("sum_squares") {
    for (const Shape& shape : kShapes) check(sum_squares(shape));
}

}  // namespace objloc
