// How cells vote for a box, in plain functions that the CPU and the CUDA kernels share:
//     attention[c] = softmax over all cells of votes[c,0]
//     centre = sum of attention * (cell's middle + kVoteReach * cell's size * tanh(votes[c,1..2]))
//     extent = sum of attention * sigmoid(votes[c,3..])
//     box = (centre - extent / 2, extent)
// in fractions of the image: (x, y, size) or (x, y, w, h). A vote is relative to its cell, so what is learned
// in one place holds everywhere, and in units of the cell, so that fine grids speak finely. Bounded votes
// keep the first steps from running away. In the spirit of soft-argmax: Luvizon et al., "Human pose
// regression by combining indirect part detection and contextual information", 2017.
#pragma once

#include <cmath>
#include <cstdint>

#include "objloc/engine/host_device.h"

namespace objloc {

/// A grid of cells over the image.
struct CellGrid {
    int64_t rows = 0, columns = 0;

    OBJLOC_HOST_DEVICE int64_t cells() const { return rows * columns; }
};

/// Each cell of several grids over the image votes for a box, and the votes are averaged by attention, a
/// softmax over all cells of all grids.
struct CellBoxesProblem {
    static constexpr int kMaxGrids = 5;

    int64_t N = 0, outputs = 3;  // 3: (x, y, size); 4: (x, y, w, h)
    int grids = 0;
    CellGrid grid[kMaxGrids] = {};

    OBJLOC_HOST_DEVICE int64_t cells() const {
        int64_t sum = 0;
        for (int g = 0; g < grids; ++g) sum += grid[g].cells();
        return sum;
    }
};

/// How many cells away from its middle a cell may see the object's centre.
constexpr float kVoteReach = 2;

/// What a cell says of one number of the box, and how that moves with its logit.
struct CellVote {
    float value, slope;
};

/// Of cell `c` about the centre (o = 0, 1) or the extents (o = 2, 3). `votes` are one image's: (cells, 1 +
/// outputs).
OBJLOC_HOST_DEVICE inline CellVote cell_vote(const CellBoxesProblem& problem, const float* votes, int64_t c,
                                             int64_t o) {
    const float said = votes[c * (1 + problem.outputs) + 1 + o];
    if (o >= 2) {
        const float part = 1 / (1 + expf(-said));
        return {part, part * (1 - part)};
    }
    int g = 0;
    for (; c >= problem.grid[g].cells(); ++g) c -= problem.grid[g].cells();
    const int64_t columns = problem.grid[g].columns;
    const float cell = 1 / static_cast<float>(o == 0 ? columns : problem.grid[g].rows);
    const auto at = static_cast<float>(o == 0 ? c % columns : c / columns);
    const float away = tanhf(said);
    return {(at + 0.5f + kVoteReach * away) * cell, kVoteReach * (1 - away * away) * cell};
}

}  // namespace objloc
