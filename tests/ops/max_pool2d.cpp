// max_pool2d_forward and max_pool2d_backward against kernels/reference/max_pool2d.h, and its gradient.
#include "objloc/kernels/reference/max_pool2d.h"

#include <doctest/doctest.h>

#include "tests/op_case.h"
#include "tests/op_case_gradient.h"

namespace objloc {
namespace {

const std::vector<Pool2dProblem> kShapes = {
    {.N = 1, .H = 2, .W = 2, .C = 1},
    {.N = 2, .H = 8, .W = 6, .C = 3},
    {.N = 1, .H = 7, .W = 9, .C = 5},                   // odd: the last row is dropped
    {.N = 1, .H = 1, .W = 1, .C = 4, .R = 1, .S = 1},   // one pixel
    {.N = 2, .H = 7, .W = 8, .C = 17, .R = 3, .S = 3},  // windows overlap
    {.N = 1, .H = 9, .W = 11, .C = 2, .R = 3, .S = 2, .stride_h = 1, .stride_w = 3},  // and leave gaps
    {.N = 1, .H = 5, .W = 4, .C = 33, .R = 5, .S = 4},                                // one window
    {.N = 2, .H = 7, .W = 9, .C = 16},                                                // whole vectors
    {.N = 2, .H = 7, .W = 8, .C = 8, .R = 3, .S = 3, .stride_h = 2, .stride_w = 1},
    {.N = 1, .H = 8, .W = 7, .C = 24, .R = 2, .S = 3, .stride_h = 2, .stride_w = 3},
    {.N = 1, .H = 9, .W = 10, .C = 8, .R = 2, .S = 2, .stride_h = 3, .stride_w = 3},
    {.N = 1, .H = 32, .W = 32, .C = 64},
};

std::string name_of(const std::string& op, const Pool2dProblem& g) {
    const auto text = [](int64_t number) { return std::to_string(number); };
    return op + " N" + text(g.N) + " H" + text(g.H) + " W" + text(g.W) + " C" + text(g.C) + " " + text(g.R) +
           "x" + text(g.S) + " stride " + text(g.stride_h) + "," + text(g.stride_w);
}

Shape shape_of_x(const Pool2dProblem& g) {
    return {g.N, g.H, g.W, g.C};
}

Shape shape_of_y(const Pool2dProblem& g) {
    return {g.N, g.P(), g.Q(), g.C};
}

OpCase max_pool2d_forward(const Pool2dProblem& g) {
    OpCase op;
    op.name = name_of("max_pool2d_forward", g);
    op.inputs = {
        {.name = "x", .shape = shape_of_x(g)}};  // whole numbers tie, so the exact mode tests the tie rule
    op.outputs = {{.name = "y", .shape = shape_of_y(g)},
                  {.name = "positions", .shape = shape_of_y(g), .type = DType::i32}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.max_pool2d_forward(g, in[0], out[0], out[1]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        reference::max_pool2d_forward(g, in[0], out[0], out[1]);
    };
    op.tolerance = rounded(0, "a maximum is one of its inputs");
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

OpCase max_pool2d_backward(const Pool2dProblem& g) {
    OpCase op;
    op.name = name_of("max_pool2d_backward", g);
    const Fill positions = integers(0, static_cast<int>(g.R * g.S - 1));
    op.inputs = {{.name = "dy", .shape = shape_of_y(g)},
                 {.name = "positions",
                  .shape = shape_of_y(g),
                  .fill = positions,
                  .whole = positions,
                  .type = DType::i32}};
    op.outputs = {{.name = "dx", .shape = shape_of_x(g)}};
    op.run = [g](Backend& backend, const auto& in, const auto& out) {
        backend.max_pool2d_backward(g, in[0], in[1], out[0]);
    };
    op.reference = [g](const Arrays& in, Arrays& out) {
        reference::max_pool2d_backward(g, in[0], in[1], out[0]);
    };
    op.tolerance = summed(g.R * g.S);
    op.unaligned = true;
    op.tiny = true;
    op.bf16 = true;
    return op;
}

GradientCase max_pool2d(const Pool2dProblem& g) {
    GradientCase gradient;
    gradient.name = name_of("max_pool2d", g);
    gradient.inputs = {{.name = "x", .shape = shape_of_x(g), .fill = distinct()}};  // no ties within a step
    gradient.output = shape_of_y(g);
    gradient.forward = [g](const Arrays& in) {
        Array y(shape_of_y(g)), positions(shape_of_y(g));
        reference::max_pool2d_forward(g, in[0], y, positions);
        return y;
    };
    gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor y = backend.allocate(shape_of_y(g)), dx = backend.allocate(shape_of_x(g));
        const Tensor positions = backend.allocate(shape_of_y(g), DType::i32);
        backend.max_pool2d_forward(g, in[0], y, positions);
        backend.max_pool2d_backward(g, dy, positions, dx);
        return std::vector<Tensor>{dx};
    };
    return gradient;
}

}  // namespace

TEST_CASE("max_pool2d_forward") {
    for (const Pool2dProblem& problem : kShapes) check(max_pool2d_forward(problem));
}

TEST_CASE("max_pool2d_forward: the first maximum wins a tie") {
    OpCase op =
        max_pool2d_forward({.N = 1, .H = 6, .W = 6, .C = 3, .R = 3, .S = 3, .stride_h = 1, .stride_w = 1});
    for (const double value : {0.0, -3.5}) {
        op.inputs[0].fill = op.inputs[0].whole = these({value});
        check(op);
    }
}

TEST_CASE("max_pool2d_backward") {
    for (const Pool2dProblem& problem : kShapes) check(max_pool2d_backward(problem));
}

TEST_CASE("max_pool2d: gradients against finite differences") {
    for (size_t i = 0; i + 1 < kShapes.size(); ++i) check(max_pool2d(kShapes[i]));
}

}  // namespace objloc
