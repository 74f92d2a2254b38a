// The compact backbone: a network of 3x3 convolutions for objects of any size, made to learn in minutes on a few cores.
// A first convolution of stride 2 and a pool bring the side to a quarter before there are many channels: the large
// early layers of VGG16 cost most of its time and see little. After that come two convolutions for each block, the first
// of stride 2. Then a path from coarse to fine gives the fine cells, which see little, what the coarse ones know.
// Source of that path: Lin et al., "Feature pyramid networks for object detection", CVPR 2017.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/parameters.h"
#include "objloc/engine/tape.h"

namespace objloc {

/// One convolution of the backbone.
struct CompactConv {
    enum class Role {
        plain,    // 3x3 with ReLU
        pooled,   // the same, then a 2x2 max-pool
        last,     // 3x3 with ReLU; the last of its block, which the path from coarse to fine takes up
        lateral,  // 1x1 of such a block's output; to it comes the next coarser level, then ReLU
    };

    std::string name;  // "block1_conv1"
    Role role;
    int64_t side;     // of its output, before pooling
    int64_t in, out;  // channels
    int64_t stride = 1;

    int64_t window() const { return role == Role::lateral ? 1 : 3; }  // rows and columns of its filters
    int64_t side_out() const { return role == Role::pooled ? side / 2 : side; }
};

/// The convolutions for an input side of at least 64, in the order of computation: four laterals, coarse to fine, come
/// last. `width` scales the channels, in multiples of 8.
std::vector<CompactConv> compact_convolutions(double width, int64_t side);

/// Images (N, side, side, 3) to what cells look at, all of as many channels: (N, side/4, side/4, C), ...,
/// (N, side/32, side/32, C).
std::vector<Variable> compact_levels(Tape& tape, ParameterSet& parameters,
                                     const std::vector<CompactConv>& convolutions, const Variable& images);

}  // namespace objloc
