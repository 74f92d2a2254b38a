// The compact backbone: a network of 3x3 convolutions for objects of any size, made to learn in minutes on a few cores.
// A first convolution of stride 2 and a pool bring the side to a quarter before there are many channels: the large
// early layers of VGG16 cost most of its time and see little. After that come two convolutions for each block, the first
// of stride 2. What each block but the first gives is what cells look at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/parameters.h"
#include "objloc/engine/tape.h"

namespace objloc {

/// One 3x3 convolution with ReLU; `pool` is followed by a 2x2 max-pool.
struct CompactConv {
    std::string name;  // "block1_conv1"
    int64_t side;      // of its output, before pooling
    int64_t in, out;   // channels
    int64_t stride;
    bool pool;
    bool tapped;  // its output is what cells look at

    int64_t side_out() const { return pool ? side / 2 : side; }
};

/// The convolutions for an input side of at least 64. `width` scales the channels, in multiples of 8.
std::vector<CompactConv> compact_convolutions(double width, int64_t side);

/// Images (N, side, side, 3) to what cells look at: (N, side/4, side/4, C), ..., (N, side/32, side/32, C).
std::vector<Variable> compact_taps(Tape& tape, ParameterSet& parameters,
                                   const std::vector<CompactConv>& convolutions, const Variable& images);

}  // namespace objloc
