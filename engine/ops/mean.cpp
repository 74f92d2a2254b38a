#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable mean(Tape& tape, const Variable& x) {
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate({1});
    backend.mean_forward(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.mean_backward(dy, dx); });
    });
}

}  // namespace objloc::ops
