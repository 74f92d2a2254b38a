// softmax and softmax_cross_entropy, forward and backward, against kernels/reference/softmax.h, and their gradients.
#include "objloc/kernels/reference/softmax.h"

#include <doctest/doctest.h>

#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "tests/op_case.h"
#include "tests/op_case_gradient.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

const std::vector<Shape> kShapes = {{1, 1}, {3, 5}, {2, 3, 4, 33}, {64, 10}, {5, 1000}, {1, 32}, {300, 7}};

const Tolerance kExponentials = rounded(16, "exp and its argument are good to a few units in the last place");
const Fill kExtreme = these({1000, -1000, 0, 90, -90, 17, 1000});

Shape rows_of(const Shape& shape) {
    Shape rows;
    for (int axis = 0; axis < shape.rank() - 1; ++axis) rows.push_back(shape[axis]);
    return rows;
}

Input labels_of(const Shape& shape) {
    const Fill any = integers(0, static_cast<int>(shape[shape.rank() - 1] - 1));
    return {.name = "labels", .shape = rows_of(shape), .fill = any, .whole = any, .type = DType::i32};
}

OpCase softmax_forward(const Shape& shape, const Fill& fill) {
    OpCase op;
    op.name = "softmax_forward " + shape.text();
    op.inputs = {{.name = "x", .shape = shape, .fill = fill}};
    op.outputs = {{.name = "y", .shape = shape}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.softmax_forward(in[0], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::softmax_forward(in[0], out[0]); };
    op.tolerance = kExponentials;
    op.exact = false;
    op.tiny = true;
    return op;
}

OpCase softmax_backward(const Shape& shape) {
    OpCase op;
    op.name = "softmax_backward " + shape.text();
    op.inputs = {{.name = "dy", .shape = shape}, {.name = "y", .shape = shape, .fill = uniform(0, 1)}};
    op.outputs = {{.name = "dx", .shape = shape}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.softmax_backward(in[0], in[1], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) { reference::softmax_backward(in[0], in[1], out[0]); };
    op.tolerance = rounded(4, "a sum that was taken in double, a difference and a product round");
    op.unaligned = true;
    op.tiny = true;
    return op;
}

OpCase cross_entropy_forward(const Shape& shape, const Fill& fill) {
    OpCase op;
    op.name = "softmax_cross_entropy_forward " + shape.text();
    op.inputs = {{.name = "z", .shape = shape, .fill = fill}, labels_of(shape)};
    op.outputs = {{.name = "loss", .shape = rows_of(shape)}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.softmax_cross_entropy_forward(in[0], in[1], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) {
        reference::softmax_cross_entropy_forward(in[0], in[1], out[0]);
    };
    op.tolerance = kExponentials;
    op.exact = false;
    op.tiny = true;
    return op;
}

OpCase cross_entropy_backward(const Shape& shape, const Fill& fill) {
    OpCase op;
    op.name = "softmax_cross_entropy_backward " + shape.text();
    op.inputs = {{.name = "z", .shape = shape, .fill = fill},
                 labels_of(shape),
                 {.name = "dloss", .shape = rows_of(shape), .fill = uniform(0.5, 2)}};
    op.outputs = {{.name = "dz", .shape = shape}};
    op.run = [](Backend& backend, const auto& in, const auto& out) {
        backend.softmax_cross_entropy_backward(in[0], in[1], in[2], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) {
        reference::softmax_cross_entropy_backward(in[0], in[1], in[2], out[0]);
    };
    op.tolerance = kExponentials;
    op.exact = false;
    op.tiny = true;
    return op;
}

GradientCase softmax_gradient(const Shape& shape) {
    GradientCase gradient;
    gradient.name = "softmax " + shape.text();
    gradient.inputs = {{.name = "x", .shape = shape, .fill = uniform(-2, 2)}};
    gradient.output = shape;
    gradient.forward = [](const Arrays& in) {
        Array y(in[0].shape);
        reference::softmax_forward(in[0], y);
        return y;
    };
    gradient.backward = on_tape([](Tape& tape, const auto& in) { return ops::softmax(tape, in[0]); });
    return gradient;
}

GradientCase cross_entropy_gradient(const Shape& shape) {
    GradientCase gradient;
    gradient.name = "softmax_cross_entropy " + shape.text();
    gradient.inputs = {{.name = "z", .shape = shape, .fill = uniform(-2, 2)}, labels_of(shape)};
    gradient.output = rows_of(shape);
    gradient.forward = [shape](const Arrays& in) {
        Array loss(rows_of(shape));
        reference::softmax_cross_entropy_forward(in[0], in[1], loss);
        return loss;
    };
    gradient.backward =
        on_tape([](Tape& tape, const auto& in) { return ops::softmax_cross_entropy(tape, in[0], in[1]); });
    return gradient;
}

}  // namespace

TEST_CASE("softmax") {
    for (const Shape& shape : kShapes) {
        check(softmax_forward(shape, uniform(-4, 4)));
        check(softmax_forward(shape, kExtreme));
        check(softmax_backward(shape));
    }
    for (const Shape& shape : {Shape{3, 5}, Shape{2, 3, 4}, Shape{1, 40}}) check(softmax_gradient(shape));
}

TEST_CASE("softmax_cross_entropy") {
    for (const Shape& shape : kShapes) {
        check(cross_entropy_forward(shape, uniform(-4, 4)));
        check(cross_entropy_forward(shape, kExtreme));
        check(cross_entropy_backward(shape, uniform(-4, 4)));
        check(cross_entropy_backward(shape, kExtreme));
    }
    for (const Shape& shape : {Shape{3, 5}, Shape{2, 3, 4}, Shape{1, 40}})
        check(cross_entropy_gradient(shape));
}

TEST_CASE(
    "softmax_cross_entropy of equal logits is the logarithm of their number, and its mean a training loss") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const Tensor z = backend->allocate({2, 4}), labels = backend->allocate({2}, DType::i32);
        const int32_t numbers[] = {0, 3};
        backend->fill(z, 1000);
        backend->upload(numbers, labels);
        const Variable logits = tape.leaf(z);
        const Variable loss =
            ops::mean(tape, ops::softmax_cross_entropy(tape, logits, tape.constant(labels)));
        float value = 0;
        backend->download(loss.value(), &value);
        CHECK(value == doctest::Approx(std::log(4.0)));
        tape.backward(loss);
        std::vector<float> gradient(8);
        backend->download(logits.gradient(), gradient.data());
        CHECK(gradient ==
              std::vector<float>{-0.375f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, 0.125f, -0.375f});
    }
}

TEST_CASE("softmax and softmax_cross_entropy refuse other shapes and types") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto of = [&](const Shape& shape, DType type = DType::f32) {
            return tape.constant(backend->allocate(shape, type));
        };
        CHECK_THROWS_AS(ops::softmax(tape, of({2, 3}, DType::bf16)), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({2, 3}), of({3}, DType::i32)), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({2, 3}), of({2})), Error);
        CHECK_THROWS_AS(ops::softmax_cross_entropy(tape, of({3}), of({}, DType::i32)), Error);
    }
}

}  // namespace objloc
