#include "objloc/engine/error.h"
#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/models/ops/ops.h"

namespace objloc::ops {
namespace {

CellBoxesProblem problem_of(const Shape& votes, const std::vector<CellGrid>& grids) {
    CellBoxesProblem problem;
    if (grids.size() > static_cast<size_t>(CellBoxesProblem::kMaxGrids)) {
        throw Error("cell_boxes", "takes at most " + std::to_string(CellBoxesProblem::kMaxGrids) + " grids");
    }
    for (const CellGrid& grid : grids) problem.grid[problem.grids++] = grid;
    const bool fits = votes.rank() == 3 && votes[1] == problem.cells() && (votes[2] == 4 || votes[2] == 5);
    if (!fits || votes.count() == 0) {
        throw Error("cell_boxes",
                    "wants (N, " + std::to_string(problem.cells()) + " cells, 4 or 5), not " + votes.text());
    }
    problem.N = votes[0];
    problem.outputs = votes[2] - 1;
    return problem;
}

}  // namespace

Variable cell_boxes(Tape& tape, const Variable& votes, const std::vector<CellGrid>& grids) {
    const CellBoxesProblem problem = problem_of(votes.shape(), grids);
    Backend& backend = tape.backend();
    LocalizerKernels& kernels = localizer_kernels(backend);
    const Tensor boxes = backend.allocate({problem.N, problem.outputs});
    const Tensor attention = backend.allocate({problem.N, problem.cells()});
    kernels.cell_boxes_forward(problem, votes.value(), attention, boxes);
    return tape.record(boxes, {votes}, [&tape, &kernels, problem, votes, attention](const Tensor& dboxes) {
        tape.accumulate_gradient(votes, [&](const Tensor& dvotes) {
            kernels.cell_boxes_backward(problem, votes.value(), attention, dboxes, dvotes);
        });
    });
}

}  // namespace objloc::ops
