// Backgrounds that the program makes of photographs: pieces of them and patterns, over one another. Training on few
// photographs sees more kinds of surroundings with them.
// Source: Lee, Mumford, Huang, "Occlusion models for natural images" (dead leaves), IJCV 2001.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc {

/// `count` pictures (RGB, 384 x 384). Picture i depends on the photographs, the seed and i alone. Photographs have three
/// or four channels; there must be at least one.
std::vector<Image> make_collages(const std::vector<Image>& photographs, int count, uint64_t seed);

}  // namespace objloc
