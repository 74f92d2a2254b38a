// Which cells of VGG16 vote in a localizer of HeadForm::cells. kernels/localizer/cell_boxes.h says how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/kernels/localizer/cell_boxes.h"

namespace objloc {

/// A block whose cells vote, and the 3x3 convolution that lets them.
struct VoteGrid {
    std::string name;  // "votes3" listens to block 3
    size_t block;      // from 0
    int64_t channels;
    CellGrid grid;
};

/// In the order in which their cells are counted, for a width and an input side as vgg16_convolutions has
/// them.
std::vector<VoteGrid> vote_grids(double width, int64_t side);

}  // namespace objloc
