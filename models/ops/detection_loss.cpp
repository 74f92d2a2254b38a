#include "objloc/engine/error.h"
#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/models/ops/ops.h"

namespace objloc::ops {

Variable detection_loss(Tape& tape, const DetectionProblem& problem, const Variable& predictions,
                        const Tensor& truth) {
    const int64_t cells = problem.cells();
    if (predictions.shape() != Shape{problem.N, cells, problem.features()} ||
        truth.shape() != Shape{problem.N, kMaxObjects, kTruthFields}) {
        throw Error("detection_loss", "predictions " + predictions.shape().text() + " and truth " +
                                          truth.shape().text() + " do not suit " + std::to_string(cells) +
                                          " cells");
    }
    Backend& backend = tape.backend();
    LocalizerKernels& kernels = localizer_kernels(backend);
    const Tensor targets = backend.allocate({problem.N, cells, kTargetFields}), loss = backend.allocate({1});
    kernels.detection_targets(problem, predictions.value(), truth, targets);
    kernels.detection_loss_forward(problem, predictions.value(), targets, loss);
    return tape.record(loss, {predictions}, [=, &tape, &kernels](const Tensor& dloss) {
        tape.accumulate_gradient(predictions, [&](const Tensor& dpredictions) {
            kernels.detection_loss_backward(problem, predictions.value(), targets, dloss, dpredictions);
        });
    });
}

}  // namespace objloc::ops
