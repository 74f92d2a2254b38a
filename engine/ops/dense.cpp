#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {

Variable dense(Tape& tape, const Variable& x, const Variable& w, const Variable& bias) {
    const Shape &in = x.shape(), &kernel = w.shape();
    if (in.rank() != 2 || kernel.rank() != 2 || in[1] != kernel[0]) {
        throw Error("dense", "wants x (N,I) and w (I,O), not " + in.text() + " and " + kernel.text());
    }
    if (x.value().type() != DType::f32) throw Error("dense", "wants x in f32", "Use ops::convert.");
    if (bias && bias.shape() != Shape{kernel[1]}) {
        throw Error("dense", "bias is " + bias.shape().text() + ", w is " + kernel.text());
    }
    const DenseProblem problem{in[0], in[1], kernel[1]};
    Backend& backend = tape.backend();
    const Tensor y = backend.allocate({problem.N, problem.outputs});
    backend.dense_forward(problem, x.value(), w.value(), bias.value(), y);

    return tape.record(y, {x, w, bias}, [&tape, &backend, problem, x, w, bias](const Tensor& dy) {
        tape.accumulate_gradient(
            x, [&](const Tensor& dx) { backend.dense_backward_data(problem, dy, w.value(), dx); });
        tape.accumulate_gradient(
            w, [&](const Tensor& dw) { backend.dense_backward_weights(problem, x.value(), dy, dw); });
        tape.accumulate_gradient(bias,
                                 [&](const Tensor& db) { backend.dense_backward_bias(problem, dy, db); });
    });
}

}  // namespace objloc::ops
