#include "engine/error.h"
#include "engine/ops/ops.h"

namespace objloc::ops {

Variable cell_boxes(Tape& tape, const Variable& cells) {
    const Shape& shape = cells.shape();
    if (shape.rank() != 4 || (shape[3] != 4 && shape[3] != 5)) {
        throw Error("cell_boxes", "wants (N, rows, columns, 4 or 5), not " + shape.text());
    }
    const CellBoxesProblem problem{shape[0], shape[1], shape[2], shape[3] - 1};
    Backend& backend = tape.backend();
    const Tensor boxes = backend.allocate({problem.N, problem.outputs});
    const Tensor attention = backend.allocate({problem.N, problem.rows, problem.columns});
    backend.cell_boxes_forward(problem, cells.value(), attention, boxes);
    return tape.record(boxes, {cells}, [&tape, &backend, problem, cells, attention](const Tensor& dboxes) {
        tape.send(cells, [&](const Tensor& dcells) {
            backend.cell_boxes_backward(problem, cells.value(), attention, dboxes, dcells);
        });
    });
}

}  // namespace objloc::ops
