#include "objloc/engine/error.h"
#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/models/ops/ops.h"

namespace objloc::ops {

Variable giou_loss(Tape& tape, const Variable& predicted, const Variable& truth) {
    const Shape& shape = predicted.shape();
    if (shape != truth.shape() || shape.rank() != 2 || (shape[1] != 3 && shape[1] != 4)) {
        throw Error("giou_loss",
                    "wants two (N, 3) or two (N, 4), not " + shape.text() + " and " + truth.shape().text());
    }
    Backend& backend = tape.backend();
    LocalizerKernels& kernels = localizer_kernels(backend);
    const Tensor loss = backend.allocate({1});
    kernels.giou_loss_forward(predicted.value(), truth.value(), loss);
    return tape.record(loss, {predicted}, [&tape, &kernels, predicted, truth](const Tensor& dloss) {
        tape.accumulate_gradient(predicted, [&](const Tensor& dpredicted) {
            kernels.giou_loss_backward(predicted.value(), truth.value(), dloss, dpredicted);
        });
    });
}

}  // namespace objloc::ops
