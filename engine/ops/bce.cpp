#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"

namespace objloc::ops {
namespace {

void require_equal_shapes(const char* op, const Variable& predicted, const Variable& targets) {
    if (predicted.shape() == targets.shape()) return;
    throw Error(op, "predictions are " + predicted.shape().text() + ", targets " + targets.shape().text());
}

}  // namespace

Variable bce(Tape& tape, const Variable& probabilities, const Variable& targets) {
    require_equal_shapes("bce", probabilities, targets);
    Backend& backend = tape.backend();
    const Tensor loss = backend.allocate({1});
    backend.bce_forward(probabilities.value(), targets.value(), loss);
    return tape.record(loss, {probabilities}, [&tape, &backend, probabilities, targets](const Tensor& dloss) {
        tape.accumulate_gradient(probabilities, [&](const Tensor& dp) {
            backend.bce_backward(probabilities.value(), targets.value(), dloss, dp);
        });
    });
}

Variable sigmoid_bce(Tape& tape, const Variable& logits, const Variable& targets) {
    require_equal_shapes("sigmoid_bce", logits, targets);
    Backend& backend = tape.backend();
    const Tensor loss = backend.allocate({1});
    backend.sigmoid_bce_forward(logits.value(), targets.value(), loss);
    return tape.record(loss, {logits}, [&tape, &backend, logits, targets](const Tensor& dloss) {
        tape.accumulate_gradient(logits, [&](const Tensor& dz) {
            backend.sigmoid_bce_backward(logits.value(), targets.value(), dloss, dz);
        });
    });
}

}  // namespace objloc::ops
