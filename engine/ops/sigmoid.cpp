#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable sigmoid(Tape& tape, const Variable& x) {
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(x.shape());
    backend.sigmoid_forward(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x, y](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.sigmoid_backward(dy, y, dx); });
    });
}

}  // namespace objloc::ops
