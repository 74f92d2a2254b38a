// sum, max_forward and max_backward over every set of axes, and sum_squares.
#include "objloc/kernels/reference/reductions.h"

#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/cases/on_tape.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/reference/sum_squares.h"

namespace objloc {
namespace {

struct Reduction {
    Shape x, y;

    std::string text() const { return sizes_text(x) + " to " + sizes_text(y); }
    int64_t terms() const { return x.count() / y.count(); }
};

/// A shape reduced over each set of its axes.
std::vector<Reduction> over_all_axes(const Shape& x) {
    std::vector<Reduction> list;
    for (int set = 0; set < 1 << x.rank(); ++set) {
        Shape y;
        for (int axis = 0; axis < x.rank(); ++axis) y.push_back((set >> axis & 1) != 0 ? 1 : x[axis]);
        list.push_back({x, y});
    }
    return list;
}

std::vector<Reduction> all_reductions(Random& random) {
    // More terms than a thread takes at once, along and across; outputs that fill no tile.
    std::vector<Reduction> list = {
        {{1023}, {1}},
        {{4096}, {1}},
        {{300'001}, {1}},
        {{3, 40'000}, {3, 1}},
        {{5000, 3}, {1, 3}},
        {{2, 3000, 5}, {2, 1, 5}},
        {{70, 300}, {1, 300}},
        {{2100, 2, 3}, {1, 2, 1}},
        {{3000, 7, 2}, {3000, 1, 2}},
    };
    std::vector<Shape> shapes = {{1}, {7}, {5, 3}, {2, 3, 5, 7}, {3, 1, 6, 1}, {2, 40, 33, 4}};
    shapes.push_back({draw(random, 1, 9), draw(random, 1, 9), draw(random, 1, 9)});
    for (const Shape& x : shapes) {
        for (const Reduction& reduction : over_all_axes(x)) list.push_back(reduction);
    }
    return list;
}

OpCase sum(const Reduction& shapes, double factor = 1) {
    return {
        .op = "sum",
        .shape = shapes.text(),
        // Not around 0: a sum that cancels says nothing about its summands' errors.
        .inputs = {{.name = "x", .shape = shapes.x, .fill = uniform(-1, 2)}},
        .outputs = {{.name = "y", .shape = shapes.y}},
        .run = [=](Backend& b, const auto& in, const auto& out) { b.sum(in[0], out[0], factor); },
        .reference = [=](const Arrays& in, Arrays& out) { reference::sum(in[0], out[0], shapes.y, factor); },
        .tolerance = summed(shapes.terms()),
        .exact = std::exp2(std::round(std::log2(factor))) == factor,
        .unaligned = true,
        .tiny = shapes.x.count() < 50'000,
        .bf16 = true};
}

OpCase max_forward(const Reduction& shapes) {
    return {.op = "max_forward",
            .shape = shapes.text(),
            .inputs = {{.name = "x", .shape = shapes.x}},
            .outputs = {{.name = "y", .shape = shapes.y},
                        {.name = "positions", .shape = shapes.y, .type = DType::i32}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.max_forward(in[0], out[0], out[1]); },
            .reference = [](const Arrays& in, Arrays& out) { reference::max_forward(in[0], out[0], out[1]); },
            .tolerance = rounded(0, "values are copied"),
            .unaligned = true,
            .tiny = shapes.x.count() < 50'000,
            .bf16 = true};
}

OpCase max_backward(const Reduction& shapes) {
    const Fill any = integers(0, static_cast<int>(shapes.terms() - 1));
    return {
        .op = "max_backward",
        .shape = shapes.text(),
        .inputs = {{.name = "dy", .shape = shapes.y},
                   {.name = "positions", .shape = shapes.y, .fill = any, .whole = any, .type = DType::i32}},
        .outputs = {{.name = "dx", .shape = shapes.x}},
        .run = [](Backend& b, const auto& in, const auto& out) { b.max_backward(in[0], in[1], out[0]); },
        .reference = [](const Arrays& in, Arrays& out) { reference::max_backward(in[0], in[1], out[0]); },
        .tolerance = rounded(0, "values are copied"),
        .unaligned = true,
        .tiny = shapes.x.count() < 50'000,
        .bf16 = true};
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

using TapeReduction = Variable (*)(Tape&, const Variable&, const ops::Axes&);

/// With the gradient of what the tape makes of it, which must have the shape `result`.
OpCase differentiated(OpCase op, TapeReduction reduction, const ops::Axes& over, const Shape& result) {
    op.inputs[0].fill = distinct();  // no step makes another one the maximum
    op.gradient.backward = on_tape([=](Tape& tape, const auto& in) {
        const Variable y = reduction(tape, in[0], over);
        if (y.shape() != result) throw Error("op test", "the tape's result is " + y.shape().text());
        return y;
    });
    return op;
}

void add_differentiated(std::vector<OpCase>& cases, const Reduction& kept, const ops::Axes& over,
                        const Shape& result) {
    const double mean = 1 / static_cast<double>(kept.terms());
    cases.push_back(differentiated(sum(kept), &ops::sum, over, result));
    cases.push_back(differentiated(sum(kept, mean), &ops::mean, over, result));
    cases.push_back(differentiated(max_forward(kept), &ops::max, over, result));
}

std::vector<OpCase> tests(Random& shapes) {
    std::vector<OpCase> cases = {sum({{4, 25}, {4, 1}}, 0.25), sum({{64, 64}, {1, 1}}, 0x1p-12)};
    for (const Reduction& reduction : all_reductions(shapes)) {
        cases.push_back(sum(reduction));
        cases.push_back(max_forward(reduction));
        cases.push_back(max_backward(reduction));
    }
    add_differentiated(cases, {{5}, {1}}, {}, {1});
    const Shape x = {2, 3, 4, 5};
    add_differentiated(cases, {x, {1, 1, 1, 1}}, {}, {1});
    add_differentiated(cases, {x, {2, 1, 1, 5}}, {{1, 2}}, {2, 5});
    add_differentiated(cases, {x, {2, 3, 4, 1}}, {{-1}, true}, {2, 3, 4, 1});
    add_differentiated(cases, {x, {1, 3, 4, 1}}, {{3, 0}}, {3, 4});
    add_differentiated(cases, {{3, 4}, {1, 1}}, {{-2, -1}, true}, {1, 1});
    for (const Shape& shape : {Shape{1}, Shape{7}, Shape{4, 5, 3}, Shape{1023}, Shape{2, 64, 33, 16},
                               Shape{300'001}, Shape{draw(shapes, 1, 5000)}}) {
        cases.push_back(sum_squares(shape));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape &x = sizes.activations, boxes = {sizes.batch, sizes.outputs};
    const Reduction channels = {x, {1, 1, 1, x[3]}}, images = {x, {x[0], 1, 1, x[3]}};
    return {sum({boxes, {1, 1}}), sum(channels), max_forward(images), max_backward(images),
            sum_squares({sizes.parameters})};
}

}  // namespace

const OpCases op_cases::reductions = {tests, bench};

}  // namespace objloc
