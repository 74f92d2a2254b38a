#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable relu(Tape& tape, const Variable& x) {
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate(x.shape(), x.value().type());
    backend.relu_forward(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x, y](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.relu_backward(dy, y, dx); });
    });
}

}  // namespace objloc::ops
