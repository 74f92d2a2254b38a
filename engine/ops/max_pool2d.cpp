#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable max_pool2d(Tape& tape, const Variable& x, int64_t R, int64_t S, int64_t stride_h, int64_t stride_w) {
    const Shape& in = x.shape();
    if (in.rank() != 4) throw Error("max_pool2d", "wants x (N,H,W,C), not " + in.text());
    if (R < 1 || S < 1 || stride_h < 1 || stride_w < 1) {
        throw Error("max_pool2d", "window and stride must be 1 or more");
    }
    if (in[1] < R || in[2] < S) {
        throw Error("max_pool2d", "x " + in.text() + " is smaller than the window " + Shape{R, S}.text());
    }
    const Pool2dProblem problem{in[0], in[1], in[2], in[3], R, S, stride_h, stride_w};
    Backend& backend = tape.backend();
    const Shape shape{problem.N, problem.P(), problem.Q(), problem.C};
    const Tensor y = backend.allocate(shape, x.value().type()),
                 positions = backend.allocate(shape, DType::i32);
    backend.max_pool2d_forward(problem, x.value(), y, positions);

    return tape.record(y, {x}, [&tape, &backend, problem, x, positions](const Tensor& dy) {
        tape.accumulate_gradient(
            x, [&](const Tensor& dx) { backend.max_pool2d_backward(problem, dy, positions, dx); });
    });
}

}  // namespace objloc::ops
