// Things that are no object, drawn by the program: a localizer that has seen them does not take every cut-out for one.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc {

/// `count` pictures (RGBA, 96 x 96): one to three shapes (round, wavy, polygonal, rings), filled with stripes, squares,
/// dots or a gradient of two colours, unevenly lit. Picture i depends on the seed and on i alone.
std::vector<Image> draw_distractors(int count, uint64_t seed);

}  // namespace objloc
