#include "objloc/models/vote_grid.h"

#include "objloc/models/vgg16.h"

namespace objloc {

// From the second block on: what comes before sees too little of an object. Fine grids place small objects
// exactly, coarse ones know what they look at.
std::vector<VoteGrid> vote_grids(double width, int64_t side) {
    constexpr size_t kFirstBlock = 1;
    std::vector<VoteGrid> grids;
    size_t block = 0;
    for (const Vgg16Conv& conv : vgg16_convolutions(width, side)) {
        if (!conv.last_in_block()) continue;
        const bool last = block == 4;
        const int64_t cells = last ? conv.side : conv.side / 2;  // the last block is not pooled
        if (block >= kFirstBlock)
            grids.push_back({"votes" + std::to_string(block + 1), block, conv.out, {cells, cells}});
        ++block;
    }
    return grids;
}

}  // namespace objloc
