// The folder that --out names.
#pragma once

#include <string>

namespace objloc {

/// Makes the folder and those on the way to it, unless it is there. Throws Error when it cannot be.
void make_output_folder(const std::string& path);

}  // namespace objloc
