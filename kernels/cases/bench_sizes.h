// The sizes at which the benchmark times the ops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/problem.h"
#include "objloc/engine/shape.h"

namespace objloc {

/// A convolution of a model.
struct ConvLayer {
    std::string layer;  // "2_2", or empty
    Conv2dProblem problem;
    bool relu_input = false;  // its input came out of a ReLU, so its data gradient is masked
    bool first = false;       // its input are the images, so nobody asks for a data gradient
};

struct BenchSizes {
    int64_t batch = 0, side = 0;          // images, and their pixels along a side
    int64_t outputs = 3;                  // numbers of a box
    std::vector<ConvLayer> convolutions;  // where a pool follows, without it and with it
    int64_t features = 0;                 // what the dense layer reads of an image
    Shape activations;                    // of the ops that treat each element alone
    std::vector<Shape> grids;             // (rows, columns) of the heads' cells
    int64_t parameters = 0;
};

/// VGG16 as a localizer of images of 128 pixels.
BenchSizes vgg16_sizes(int64_t batch);
/// Odd sizes that take seconds.
BenchSizes small_sizes(int64_t batch);

/// VGG16's thirteen convolutions for images of `side` pixels, each with the pool that follows it.
std::vector<ConvLayer> vgg16_layers(int64_t batch, int64_t side);
/// The layer as it is, and with its pool fused where a 2x2 window fits.
std::vector<ConvLayer> without_and_with_pool(ConvLayer layer);

}  // namespace objloc
