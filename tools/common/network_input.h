// From bytes to what the network takes.
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// A square RGB picture of the network's side as its preprocessing has it, (side, side, 3).
std::vector<float> network_input(const Image& square, const LocalizerConfig& config);

}  // namespace objloc
