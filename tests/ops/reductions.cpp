// sum, max_forward and max_backward against kernels/reference/reductions.h over every set of axes, and the gradients of
// sum, mean and max. And sum_squares.
#include "objloc/kernels/reference/reductions.h"

#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/reference/sum_squares.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

struct Reduction {
    Shape x, y;

    std::string name(const std::string& op) const { return op + " " + x.text() + " to " + y.text(); }
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

std::vector<Reduction> all_reductions() {
    std::vector<Reduction> list;
    for (const Shape& x :
         {Shape{1}, Shape{7}, Shape{5, 3}, Shape{2, 3, 5, 7}, Shape{3, 1, 6, 1}, Shape{2, 40, 33, 4}}) {
        for (const Reduction& shapes : over_all_axes(x)) list.push_back(shapes);
    }
    // More terms than a thread takes at once, along and across; outputs that fill no tile.
    const std::vector<Reduction> more = {
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
    list.insert(list.end(), more.begin(), more.end());
    return list;
}

OpCase sum(const Reduction& shapes, double factor) {
    OpCase op;
    op.name = shapes.name("sum");
    // Not around 0: a sum that cancels says nothing about its summands' errors.
    op.inputs = {{.name = "x", .shape = shapes.x, .fill = uniform(-1, 2)}};
    op.outputs = {{.name = "y", .shape = shapes.y}};
    op.run = [=](Backend& backend, const auto& in, const auto& out) { backend.sum(in[0], out[0], factor); };
    op.reference = [=](const Arrays& in, Arrays& out) { reference::sum(in[0], out[0], shapes.y, factor); };
    op.tolerance = summed(shapes.terms());
    op.unaligned = true;
    op.tiny = shapes.x.count() < 50'000;
    op.bf16 = true;
    return op;
}

OpCase max_forward(const Reduction& shapes) {
    OpCase op;
    op.name = shapes.name("max_forward");
    op.inputs = {{.name = "x", .shape = shapes.x}};
    op.outputs = {{.name = "y", .shape = shapes.y},
                  {.name = "positions", .shape = shapes.y, .type = DType::i32}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.max_forward(in[0], out[0], out[1]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::max_forward(in[0], out[0], out[1]); };
    op.tolerance = rounded(0, "values are copied");
    op.unaligned = true;
    op.tiny = shapes.x.count() < 50'000;
    op.bf16 = true;
    return op;
}

OpCase max_backward(const Reduction& shapes) {
    const Fill any_position = integers(0, static_cast<int>(shapes.terms() - 1));
    OpCase op;
    op.name = shapes.name("max_backward");
    op.inputs = {{.name = "dy", .shape = shapes.y},
                 {.name = "positions",
                  .shape = shapes.y,
                  .fill = any_position,
                  .whole = any_position,
                  .type = DType::i32}};
    op.outputs = {{.name = "dx", .shape = shapes.x}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.max_backward(in[0], in[1], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::max_backward(in[0], in[1], out[0]); };
    op.tolerance = rounded(0, "values are copied");
    op.unaligned = true;
    op.tiny = shapes.x.count() < 50'000;
    op.bf16 = true;
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

using TapeReduction = Variable (*)(Tape&, const Variable&, const ops::Axes&);

/// `kept` is the result with all of x's axes.
GradientCase gradient_of(const std::string& name, TapeReduction op, const Shape& x, const ops::Axes& over,
                         const Shape& kept, const Shape& result) {
    GradientCase gradient;
    gradient.name = name + " " + x.text() + " to " + result.text();
    gradient.inputs = {
        {.name = "x", .shape = x, .fill = distinct()}};  // no step makes another one the maximum
    gradient.output = result;
    gradient.forward = [=](const Arrays& in) {
        Array y(kept), positions(kept);
        const double factor = name == "mean" ? 1.0 / static_cast<double>(in[0].count() / y.count()) : 1.0;
        if (name == "max") {
            reference::max_forward(in[0], y, positions);
        } else {
            reference::sum(in[0], y, kept, factor);
        }
        y.shape = result;
        return y;
    };
    gradient.backward = on_tape([=](Tape& tape, const auto& in) { return op(tape, in[0], over); });
    return gradient;
}

void check_gradients(const Shape& x, const ops::Axes& over, const Shape& kept, const Shape& result) {
    check(gradient_of("sum", &ops::sum, x, over, kept, result));
    check(gradient_of("mean", &ops::mean, x, over, kept, result));
    check(gradient_of("max", &ops::max, x, over, kept, result));
}

}  // namespace

TEST_CASE("sum") {
    for (const Reduction& shapes : all_reductions()) check(sum(shapes, 1));
    check(sum({{4, 25}, {4, 1}}, 0.25));
    check(sum({{64, 64}, {1, 1}}, 0x1p-12));
}

TEST_CASE("max") {
    for (const Reduction& shapes : all_reductions()) {
        check(max_forward(shapes));
        check(max_backward(shapes));
    }
}

TEST_CASE("sum, mean and max: gradients against finite differences") {
    check_gradients({5}, {}, {1}, {1});
    check_gradients({2, 3, 4, 5}, {}, {1, 1, 1, 1}, {1});
    check_gradients({2, 3, 4, 5}, {{1, 2}}, {2, 1, 1, 5}, {2, 5});
    check_gradients({2, 3, 4, 5}, {{-1}, true}, {2, 3, 4, 1}, {2, 3, 4, 1});
    check_gradients({2, 3, 4, 5}, {{3, 0}}, {1, 3, 4, 1}, {3, 4});
    check_gradients({3, 4}, {{-2, -1}, true}, {1, 1}, {1, 1});
}

TEST_CASE("max: of equal maxima the first gets the whole gradient") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor x = backend->allocate({2, 3});
        const float values[] = {1, 5, 5, 2, 2, 2};
        backend->upload(values, x);
        const Variable leaf = tape.leaf(x);
        tape.backward(ops::sum(tape, ops::max(tape, leaf, {{1}})));
        std::vector<float> gradient(6);
        backend->download(leaf.gradient(), gradient.data());
        CHECK(gradient == std::vector<float>{0, 1, 0, 1, 0, 0});
    }
}

TEST_CASE("reductions refuse axes that there are not, and sums over nothing") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Variable x = tape.constant(backend->allocate({2, 3}));
        CHECK_THROWS_WITH_AS(ops::sum(tape, x, {{2}}), doctest::Contains("has no axis 2"), Error);
        CHECK_THROWS_AS(ops::mean(tape, x, {{-3}}), Error);
        CHECK_THROWS_WITH_AS(ops::max(tape, x, {{1, -1}}), doctest::Contains("twice"), Error);
        CHECK_THROWS_AS(ops::max(tape, tape.constant(backend->allocate({2, 0})), {{1}}), Error);
    }
}

TEST_CASE("sum_squares") {
    for (const Shape& shape :
         {Shape{1}, Shape{7}, Shape{4, 5, 3}, Shape{1023}, Shape{2, 64, 33, 16}, Shape{300'001}}) {
        check(sum_squares(shape));
    }
}

}  // namespace objloc
