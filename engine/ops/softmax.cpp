#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

void require_rows(const char* op, const Variable& x) {
    const Shape& shape = x.shape();
    if (shape.rank() < 1 || shape[shape.rank() - 1] < 1) {
        throw Error(op, "wants (..., C), not " + shape.text());
    }
    if (x.value().type() != DType::f32) throw Error(op, "wants f32", "Use ops::convert.");
}

}  // namespace

Variable softmax(Tape& tape, const Variable& x) {
    require_rows("softmax", x);
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(x.shape());
    backend.softmax_forward(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x, y](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.softmax_backward(dy, y, dx); });
    });
}

Variable softmax_cross_entropy(Tape& tape, const Variable& logits, const Variable& labels) {
    require_rows("softmax_cross_entropy", logits);
    const Shape& z = logits.shape();
    Shape rows;
    for (int axis = 0; axis < z.rank() - 1; ++axis) rows.push_back(z[axis]);
    if (rows.rank() == 0 || labels.shape() != rows) {
        throw Error("softmax_cross_entropy", "wants logits (..., C) and labels (...), not " + z.text() +
                                                 " and " + labels.shape().text());
    }
    if (labels.value().type() != DType::i32) throw Error("softmax_cross_entropy", "wants labels in i32");
    Backend& backend = tape.backend();
    const Tensor loss = backend.allocate(rows);
    backend.softmax_cross_entropy_forward(logits.value(), labels.value(), loss);
    return tape.record(loss, {logits}, [&tape, &backend, logits, labels](const Tensor& dloss) {
        tape.accumulate_gradient(logits, [&](const Tensor& dz) {
            backend.softmax_cross_entropy_backward(logits.value(), labels.value(), dloss, dz);
        });
    });
}

}  // namespace objloc::ops
