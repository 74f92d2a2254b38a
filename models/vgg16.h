// VGG16 without top. Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
// recognition", ICLR 2015, configuration D; keras.applications.VGG16(include_top=False), whose layer names it
// has.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "objloc/engine/parameters.h"
#include "objloc/engine/tape.h"

namespace objloc {

/// One 3x3 convolution with ReLU; `last_in_block` is followed by a 2x2 max-pool.
struct Vgg16Conv {
    std::string name;       // "block1_conv1"
    std::string pool_name;  // "block1_pool", or empty
    int64_t side;           // of its input and, before pooling, of its output
    int64_t in, out;        // channels
    bool last_in_block() const { return !pool_name.empty(); }
};

/// The thirteen convolutions for an input side of at least 32. `width` scales the channels, to at least 1.
std::vector<Vgg16Conv> vgg16_convolutions(double width, int64_t side);

/// Images (N, side, side, 3) to what each block gives: (N, side/2, side/2, C), ..., (N, side/32, side/32, C),
/// or last (N, side/16, side/16, C) without the last pool. `observe` is shown what each convolution gives,
/// pooled if it pools.
std::vector<Variable> vgg16_blocks(
    Tape& tape, ParameterSet& parameters, const std::vector<Vgg16Conv>& convolutions, const Variable& images,
    bool last_pool = true, const std::function<void(const Vgg16Conv&, const Variable&)>& observe = nullptr);

}  // namespace objloc
