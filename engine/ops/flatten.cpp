#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable flatten(Tape& tape, const Variable& x) {
    const Shape shape = x.shape();
    if (shape.rank() < 1 || shape[0] < 1) throw Error("flatten", "wants (N, ...), not " + shape.text());
    const Tensor y = x.value().reshaped({shape[0], shape.count() / shape[0]});
    return tape.record(y, {x},
                       [&tape, x](const Tensor& dy) { tape.accumulate_gradient(x, dy.reshaped(x.shape())); });
}

}  // namespace objloc::ops
