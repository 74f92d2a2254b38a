#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable convert(Tape& tape, const Variable& x, DType type) {
    if (x.value().type() == type) return x;
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(x.shape(), type);
    backend.convert(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.convert(dy, dx); });
    });
}

}  // namespace objloc::ops
