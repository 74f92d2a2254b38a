// The localizer's ops on the tape, next to the engine's (engine/ops/ops.h). They need a backend with LocalizerKernels
// and throw Error on another one.
#pragma once

#include <vector>

#include "objloc/engine/tape.h"
#include "objloc/kernels/localizer/cell_boxes.h"
#include "objloc/kernels/localizer/detection.h"

namespace objloc::ops {

/// Mean of 1 - GIoU over boxes (N, 3 or 4), each (x, y, size) or (x, y, w, h) -> (1). Truth gets no gradient.
Variable giou_loss(Tape& tape, const Variable& predicted, const Variable& truth);

/// Votes (N, cells of all grids, 1 + outputs) -> boxes (N, outputs); kernels/localizer/cell_boxes.h has the formula.
Variable cell_boxes(Tape& tape, const Variable& votes, const std::vector<CellGrid>& grids);

/// Of predictions (N, cells, classes + 4) and truth (N, kMaxObjects, kTruthFields) -> (1): scores that should be the IoU
/// of their boxes, and 1 - GIoU of the boxes of responsible cells (kernels/localizer/detection.h).
Variable detection_loss(Tape& tape, const DetectionProblem& problem, const Variable& predictions,
                        const Tensor& truth);

}  // namespace objloc::ops
