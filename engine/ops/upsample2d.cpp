#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable upsample2d(Tape& tape, const Variable& x, int64_t P, int64_t Q) {
    const Shape& in = x.shape();
    if (in.rank() != 4) throw Error("upsample2d", "wants x (N,H,W,C), not " + in.text());
    if ((P + 1) / 2 != in[1] || (Q + 1) / 2 != in[2]) {
        throw Error("upsample2d",
                    "x " + in.text() + " cannot become " + Shape{P, Q}.text() + " rows and columns",
                    "Give twice its rows and columns, or one less.");
    }
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate({in[0], P, Q, in[3]}, x.value().type());
    backend.upsample2d_forward(x.value(), y);
    return tape.record(y, {x}, [&tape, &backend, x](const Tensor& dy) {
        tape.accumulate_gradient(x, [&](const Tensor& dx) { backend.upsample2d_backward(dy, dx); });
    });
}

}  // namespace objloc::ops
