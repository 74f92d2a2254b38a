// softmax and softmax_cross_entropy, forward and backward.
#include "objloc/kernels/reference/softmax.h"

#include "objloc/engine/ops/ops.h"
#include "objloc/kernels/cases/on_tape.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"

namespace objloc {
namespace {

const Tolerance kExponentials = rounded(16, "exp and its argument are good to a few units in the last place");
const Fill kUsual = uniform(-4, 4), kExtreme = these({1000, -1000, 0, 90, -90, 17, 1000});

Shape rows_of(const Shape& shape) {
    Shape rows;
    for (int axis = 0; axis < shape.rank() - 1; ++axis) rows.push_back(shape[axis]);
    return rows;
}

Input labels_of(const Shape& shape) {
    const Fill any = integers(0, static_cast<int>(shape[shape.rank() - 1] - 1));
    return {.name = "labels", .shape = rows_of(shape), .fill = any, .whole = any, .type = DType::i32};
}

OpCase softmax_forward(const Shape& shape, const Fill& fill = kUsual) {
    return {.op = "softmax_forward",
            .shape = sizes_text(shape),
            .inputs = {{.name = "x", .shape = shape, .fill = fill}},
            .outputs = {{.name = "y", .shape = shape}},
            .run = [](Backend& b, const auto& in, const auto& out) { b.softmax_forward(in[0], out[0]); },
            .reference = [](const Arrays& in, Arrays& out) { reference::softmax_forward(in[0], out[0]); },
            .tolerance = kExponentials,
            .exact = false,
            .tiny = true};
}

OpCase softmax_backward(const Shape& shape) {
    return {
        .op = "softmax_backward",
        .shape = sizes_text(shape),
        .inputs = {{.name = "dy", .shape = shape}, {.name = "y", .shape = shape, .fill = uniform(0, 1)}},
        .outputs = {{.name = "dx", .shape = shape}},
        .run = [](Backend& b, const auto& in, const auto& out) { b.softmax_backward(in[0], in[1], out[0]); },
        .reference = [](const Arrays& in, Arrays& out) { reference::softmax_backward(in[0], in[1], out[0]); },
        .tolerance = rounded(4, "a sum that was taken in double, a difference and a product round"),
        .unaligned = true,
        .tiny = true};
}

OpCase cross_entropy_forward(const Shape& shape, const Fill& fill = kUsual) {
    return {.op = "softmax_cross_entropy_forward",
            .shape = sizes_text(shape),
            .inputs = {{.name = "z", .shape = shape, .fill = fill}, labels_of(shape)},
            .outputs = {{.name = "loss", .shape = rows_of(shape)}},
            .run = [](Backend& b, const auto& in,
                      const auto& out) { b.softmax_cross_entropy_forward(in[0], in[1], out[0]); },
            .reference = [](const Arrays& in,
                            Arrays& out) { reference::softmax_cross_entropy_forward(in[0], in[1], out[0]); },
            .tolerance = kExponentials,
            .exact = false,
            .tiny = true};
}

OpCase cross_entropy_backward(const Shape& shape, const Fill& fill = kUsual) {
    OpCase op = cross_entropy_forward(shape, fill);
    op.op = "softmax_cross_entropy_backward";
    op.inputs.push_back({.name = "dloss", .shape = rows_of(shape), .fill = uniform(0.5, 2)});
    op.outputs = {{.name = "dz", .shape = shape}};
    op.run = [](Backend& b, const auto& in, const auto& out) {
        b.softmax_cross_entropy_backward(in[0], in[1], in[2], out[0]);
    };
    op.reference = [](const Arrays& in, Arrays& out) {
        reference::softmax_cross_entropy_backward(in[0], in[1], in[2], out[0]);
    };
    return op;
}

OpCase differentiated(OpCase op, const TapeOp& recorded) {
    op.inputs[0].fill = uniform(-2, 2);
    op.gradient.backward = on_tape(recorded);
    return op;
}

std::vector<OpCase> tests(Random& random) {
    std::vector<Shape> shapes = {{1, 1}, {3, 5}, {2, 3, 4, 33}, {64, 10}, {5, 1000}, {1, 32}, {300, 7}};
    for (int i = 0; i < kRandomShapes; ++i) shapes.push_back({draw(random, 1, 40), draw(random, 1, 80)});
    std::vector<OpCase> cases;
    for (const Shape& shape : shapes) {
        for (const Fill& fill : {kUsual, kExtreme}) {
            cases.push_back(softmax_forward(shape, fill));
            cases.push_back(cross_entropy_forward(shape, fill));
            cases.push_back(cross_entropy_backward(shape, fill));
        }
        cases.push_back(softmax_backward(shape));
    }
    for (const Shape& shape : {Shape{3, 5}, Shape{2, 3, 4}, Shape{1, 40}}) {
        cases.push_back(differentiated(softmax_forward(shape),
                                       [](Tape& tape, const auto& in) { return ops::softmax(tape, in[0]); }));
        cases.push_back(differentiated(cross_entropy_forward(shape), [](Tape& tape, const auto& in) {
            return ops::softmax_cross_entropy(tape, in[0], in[1]);
        }));
    }
    return cases;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    const Shape logits = {sizes.batch * sizes.side, 100};
    return {softmax_forward(logits), softmax_backward(logits), cross_entropy_forward(logits),
            cross_entropy_backward(logits)};
}

}  // namespace

const OpCases op_cases::softmax = {tests, bench};

}  // namespace objloc
