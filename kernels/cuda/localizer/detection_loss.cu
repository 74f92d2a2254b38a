// Targets and loss of the dense detection head; the formulas are in kernels/localizer/detection.h.
//
// predictions (N, cells, classes + 4), truth (N, kMaxObjects, kTruthFields), targets (N, cells, kTargetFields), f32;
// loss, dloss (1). One thread a cell: some 5 floats read and written for each, next to those of its neighbours. How the
// sum is split, and why it is deterministic: reduce.cuh.
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"
#include "objloc/kernels/localizer/detection.h"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads)
    detection_targets_kernel(DetectionProblem problem, int64_t cells, const float* predictions,
                             const float* truth, float* targets) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= problem.N * cells) return;
    write_target(problem, i % cells, predictions + i * problem.features(),
                 truth + i / cells * kMaxObjects * kTruthFields, targets + i * kTargetFields);
}

/// A kernel of its own before the sum: four such terms at once, as reduce.cuh takes them, would not fit into registers.
__global__ void __launch_bounds__(kThreads)
    detection_loss_cells_kernel(DetectionProblem problem, int64_t cells, const float* predictions,
                                const float* targets, double* losses) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= problem.N * cells) return;
    losses[i] = double{
        cell_loss(problem, i % cells, predictions + i * problem.features(), targets + i * kTargetFields)};
}

__global__ void __launch_bounds__(kThreads)
    detection_loss_backward_kernel(DetectionProblem problem, int64_t cells, const float* predictions,
                                   const float* targets, const float* dloss, float* dpredictions) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= problem.N * cells) return;
    write_cell_gradient(problem, i % cells, predictions + i * problem.features(), targets + i * kTargetFields,
                        *dloss / static_cast<float>(problem.N), dpredictions + i * problem.features());
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::detection_targets(const DetectionProblem& problem, const Tensor& predictions,
                                    const Tensor& truth, const Tensor& targets) {
    const int64_t cells = problem.cells();
    if (problem.N * cells == 0) return;
    launch(detection_targets_kernel, blocks_for(problem.N * cells, kThreads), dim3(kThreads), 0, stream(),
           problem, cells, predictions.data<float>(), truth.data<float>(), targets.data<float>());
}

void CudaBackend::detection_loss_forward(const DetectionProblem& problem, const Tensor& predictions,
                                         const Tensor& targets, const Tensor& loss) {
    const int64_t cells = problem.cells(), count = problem.N * cells;
    const Tensor terms = allocate({count}, DType::i64);  // eight bytes each: they hold doubles
    double* losses = static_cast<double*>(terms.raw());
    if (count > 0)
        launch(detection_loss_cells_kernel, blocks_for(count, kThreads), dim3(kThreads), 0, stream(), problem,
               cells, predictions.data<float>(), targets.data<float>(), losses);
    reduce(*this, count, PartialSum{losses}, 1.0 / static_cast<double>(problem.N), loss);
}

void CudaBackend::detection_loss_backward(const DetectionProblem& problem, const Tensor& predictions,
                                          const Tensor& targets, const Tensor& dloss,
                                          const Tensor& dpredictions) {
    const int64_t cells = problem.cells();
    if (problem.N * cells == 0) return;
    launch(detection_loss_backward_kernel, blocks_for(problem.N * cells, kThreads), dim3(kThreads), 0,
           stream(), problem, cells, predictions.data<float>(), targets.data<float>(), dloss.data<float>(),
           dpredictions.data<float>());
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
