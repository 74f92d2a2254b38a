// More pictures from few: other looks of a sprite and other cuts of a photograph, made once before training,
// so that the kernel that draws scenes need not know of them.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc {

/// How many looks each picture has in a scene; 1: only its own.
struct Augmentation {
    int sprites = 1, backgrounds = 1;
    uint64_t seed = 0;
};

/// The sprite (RGBA, trimmed) and `count` - 1 others of it: turned by up to 15 degrees either way, half of
/// them mirrored, their brightness times 0.75 to 1.25, blurred by up to 1/64 of the longer side.
std::vector<Image> sprite_variants(const Image& sprite, int count, uint64_t seed);

/// The photograph's middle square and `count` - 1 other squares out of it, of half to all of its shorter
/// side, half of them mirrored; each in three channels at (side, side). `which` tells photographs apart.
std::vector<Image> background_variants(const Image& photograph, int side, int count, uint64_t seed,
                                       uint64_t which);

/// Left and right exchanged.
Image mirrored(const Image& image);
/// Turned about its middle, counterclockwise, on a canvas that holds all of it; four channels.
Image rotated(const Image& image, double degrees);
/// Colours times `factor`, at most white; transparency stays.
Image brightened(const Image& image, double factor);
/// Gaussian blur of this standard deviation in pixels; four channels, colours weighted by their opacity.
Image blurred(const Image& image, double deviation);

}  // namespace objloc
