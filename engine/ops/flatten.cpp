#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable flatten(Tape& tape, const Variable& x) {
    const Shape shape = x.shape();
    if (shape.rank() < 1 || shape[0] < 1) throw Error("flatten", "wants (N, ...), not " + shape.text());
    return reshape(tape, x, {shape[0], shape.count() / shape[0]});
}

}  // namespace objloc::ops
