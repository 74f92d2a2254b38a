// max_pool2d_forward and max_pool2d_backward.
#include "objloc/kernels/reference/max_pool2d.h"

#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

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

Pool2dProblem random_pool(Random& random) {
    Pool2dProblem g;
    g.R = draw(random, 1, 4), g.S = draw(random, 1, 4);
    g.stride_h = draw(random, 1, 3), g.stride_w = draw(random, 1, 3);
    g.N = draw(random, 1, 3), g.C = draw(random, 1, 20);
    g.H = draw(random, g.R, 12), g.W = draw(random, g.S, 12);
    return g;
}

std::string text_of(const Pool2dProblem& g) {
    const auto text = [](int64_t number) { return std::to_string(number); };
    return "N" + text(g.N) + " H" + text(g.H) + " W" + text(g.W) + " C" + text(g.C) + " " + text(g.R) + "x" +
           text(g.S) + " stride " + text(g.stride_h) + "," + text(g.stride_w);
}

Shape shape_of_x(const Pool2dProblem& g) {
    return {g.N, g.H, g.W, g.C};
}

Shape shape_of_y(const Pool2dProblem& g) {
    return {g.N, g.P(), g.Q(), g.C};
}

/// Whole numbers tie, so the exact mode tests the tie rule.
OpCase forward(const Pool2dProblem& g) {
    return {.op = "max_pool2d_forward",
            .shape = text_of(g),
            .inputs = {{.name = "x", .shape = shape_of_x(g)}},
            .outputs = {{.name = "y", .shape = shape_of_y(g)},
                        {.name = "positions", .shape = shape_of_y(g), .type = DType::i32}},
            .run = [g](Backend& b, const auto& in,
                       const auto& out) { b.max_pool2d_forward(g, in[0], out[0], out[1]); },
            .reference = [g](const Arrays& in,
                             Arrays& out) { reference::max_pool2d_forward(g, in[0], out[0], out[1]); },
            .tolerance = rounded(0, "a maximum is one of its inputs"),
            .unaligned = true,
            .tiny = true,
            .bf16 = true};
}

OpCase backward(const Pool2dProblem& g) {
    const Fill positions = integers(0, static_cast<int>(g.R * g.S - 1));
    return {.op = "max_pool2d_backward",
            .shape = text_of(g),
            .inputs = {{.name = "dy", .shape = shape_of_y(g)},
                       {.name = "positions",
                        .shape = shape_of_y(g),
                        .fill = positions,
                        .whole = positions,
                        .type = DType::i32}},
            .outputs = {{.name = "dx", .shape = shape_of_x(g)}},
            .run = [g](Backend& b, const auto& in,
                       const auto& out) { b.max_pool2d_backward(g, in[0], in[1], out[0]); },
            .reference = [g](const Arrays& in,
                             Arrays& out) { reference::max_pool2d_backward(g, in[0], in[1], out[0]); },
            .tolerance = summed(g.R * g.S),
            .unaligned = true,
            .tiny = true,
            .bf16 = true};
}

OpCase differentiated(const Pool2dProblem& g) {
    OpCase op = forward(g);
    op.inputs[0].fill = distinct();  // no ties within a step
    op.gradient.backward = [g](Backend& backend, const auto& in, const Tensor& dy) {
        const Tensor y = backend.allocate(shape_of_y(g)), dx = backend.allocate(shape_of_x(g));
        const Tensor positions = backend.allocate(shape_of_y(g), DType::i32);
        backend.max_pool2d_forward(g, in[0], y, positions);
        backend.max_pool2d_backward(g, dy, positions, dx);
        return std::vector<Tensor>{dx};
    };
    return op;
}

/// The first maximum wins where all are equal.
OpCase all_equal(double value) {
    OpCase op = forward({.N = 1, .H = 6, .W = 6, .C = 3, .R = 3, .S = 3, .stride_h = 1, .stride_w = 1});
    op.inputs[0].fill = op.inputs[0].whole = these({value});
    return op;
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<Pool2dProblem> problems = kShapes;
    for (int i = 0; i < kRandomShapes; ++i) problems.push_back(random_pool(shapes));
    std::vector<OpCase> cases = {all_equal(0), all_equal(-3.5)};
    for (const Pool2dProblem& problem : problems) {
        cases.push_back(forward(problem));
        cases.push_back(backward(problem));
        if (problem.H < 32) cases.push_back(differentiated(problem));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const ConvLayer& layer : sizes.convolutions) {
        const Conv2dProblem& g = layer.problem;
        if (!g.pool) continue;
        for (OpCase op : {forward({.N = g.N, .H = g.P(), .W = g.Q(), .C = g.K}),
                          backward({.N = g.N, .H = g.P(), .W = g.Q(), .C = g.K})}) {
            op.shape = sizes_text(Shape{g.P(), g.Q(), g.K});
            cases.push_back(op);
        }
    }
    return cases;
}

}  // namespace

const OpCases op_cases::max_pool2d = {tests, bench};

}  // namespace objloc
