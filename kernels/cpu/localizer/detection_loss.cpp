// Targets and loss of the dense detection head; the formulas are in kernels/localizer/detection.h. A thread takes whole
// images.
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/localizer/detection.h"

namespace objloc {

void CpuBackend::detection_targets(const DetectionProblem& problem, const Tensor& predictions,
                                   const Tensor& truth, const Tensor& targets) {
    const int64_t cells = problem.cells(), features = problem.features();
    cpu::parallel_for(threads_, problem.N, 1, [&](int64_t n, int64_t) {
        for (int64_t c = 0; c < cells; ++c) {
            write_target(problem, c, predictions.data<float>() + (n * cells + c) * features,
                         truth.data<float>() + n * kMaxObjects * kTruthFields,
                         targets.data<float>() + (n * cells + c) * kTargetFields);
        }
    });
}

void CpuBackend::detection_loss_forward(const DetectionProblem& problem, const Tensor& predictions,
                                        const Tensor& targets, const Tensor& loss) {
    const int64_t cells = problem.cells(), features = problem.features();
    const double sum = cpu::parallel_sum(threads_, problem.N, 1, [&](int64_t n, int64_t) {
        double of_image = 0;
        for (int64_t c = 0; c < cells; ++c) {
            of_image += double{cell_loss(problem, c, predictions.data<float>() + (n * cells + c) * features,
                                         targets.data<float>() + (n * cells + c) * kTargetFields)};
        }
        return of_image;
    });
    *loss.data<float>() = static_cast<float>(sum / static_cast<double>(problem.N));
}

void CpuBackend::detection_loss_backward(const DetectionProblem& problem, const Tensor& predictions,
                                         const Tensor& targets, const Tensor& dloss,
                                         const Tensor& dpredictions) {
    const int64_t cells = problem.cells(), features = problem.features();
    const float scale = *dloss.data<float>() / static_cast<float>(problem.N);
    cpu::parallel_for(threads_, problem.N, 1, [&](int64_t n, int64_t) {
        for (int64_t c = 0; c < cells; ++c) {
            const int64_t at = (n * cells + c) * features;
            write_cell_gradient(problem, c, predictions.data<float>() + at,
                                targets.data<float>() + (n * cells + c) * kTargetFields, scale,
                                dpredictions.data<float>() + at);
        }
    });
}

}  // namespace objloc
