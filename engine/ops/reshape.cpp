#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable reshape(Tape& tape, const Variable& x, const Shape& shape) {
    if (shape.count() != x.shape().count()) {
        throw Error("reshape", "x " + x.shape().text() + " has another count than " + shape.text());
    }
    return tape.record(x.value().reshaped(shape), {x},
                       [&tape, x](const Tensor& dy) { tape.accumulate_gradient(x, dy.reshaped(x.shape())); });
}

}  // namespace objloc::ops
