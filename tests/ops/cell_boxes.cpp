// cell_boxes against its reference, and its gradient against central differences.
#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/reference/cell_boxes.h"

namespace objloc {
namespace {

CellBoxesProblem problem_of(const Shape& cells) {
    return {cells[0], cells[1], cells[2], cells[3] - 1};
}

OpCase forward(const Shape& shape, double spread) {
    OpCase op;
    op.name = "cell_boxes_forward " + shape.text();
    op.inputs = {{.name = "cells", .shape = shape, .fill = uniform(-spread, spread)}};
    op.outputs = {{.name = "attention", .shape = {shape[0], shape[1], shape[2]}},
                  {.name = "boxes", .shape = {shape[0], shape[3] - 1}}};
    op.run = [shape](Backend& backend, const auto& in, const auto& out) {
        backend.cell_boxes_forward(problem_of(shape), in[0], out[0], out[1]);
    };
    op.reference = [](const Arrays& in, Arrays& out) {
        out[0] = reference::cell_attention(in[0]);
        out[1] = reference::cell_boxes_forward(in[0]);
    };
    op.tolerance = rounded(16, "an exponential is good to a few units in the last place of its argument");
    op.exact = false;
    op.tiny = true;
    return op;
}

GradientCase gradient(const Shape& shape) {
    GradientCase gradient;
    gradient.name = "cell_boxes";
    gradient.inputs = {{.name = "cells", .shape = shape, .fill = uniform(-1, 1)}};
    gradient.output = {shape[0], shape[3] - 1};
    gradient.forward = [](const Arrays& in) { return reference::cell_boxes_forward(in[0]); };
    gradient.backward = [shape](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor attention = backend.allocate({shape[0], shape[1], shape[2]});
        const Tensor boxes = backend.allocate({shape[0], shape[3] - 1}), slope = backend.allocate(shape);
        backend.cell_boxes_forward(problem_of(shape), in[0], attention, boxes);
        backend.cell_boxes_backward(problem_of(shape), in[0], attention, dy, slope);
        return std::vector<Tensor>{slope};
    };
    return gradient;
}

}  // namespace

TEST_CASE("cell_boxes") {
    for (const int64_t features : {4, 5}) {
        for (const Shape& shape :
             {Shape{1, 1, 1, features}, Shape{2, 3, 5, features}, Shape{3, 8, 8, features},
              Shape{9, 1, 13, features}, Shape{1, 16, 16, features}}) {
            check(forward(shape, 1));
            check(forward(shape, 30));  // one cell has nearly all the attention
            check(gradient(shape));
        }
    }
}

}  // namespace objloc
