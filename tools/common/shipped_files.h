// Files that come with the programs, wherever those lie.
#pragma once

#include <string>

namespace objloc {

/// The path of `name` among the weights that come with objloc, or "" where there is no such file. Looked for in
/// weights/ of the working directory, then of the project or the installation that this program belongs to.
std::string shipped_weights(const std::string& name);

}  // namespace objloc
