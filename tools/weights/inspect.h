// `objloc_weights inspect`: what is in a weight file.
#pragma once

#include <string>

namespace objloc {

/// The form, the attributes, and a line for each tensor: name, shape, least, mean and largest value.
std::string inspect_weights(const std::string& path);

}  // namespace objloc
