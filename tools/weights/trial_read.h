// Reading a file that may be damaged in ways that the HDF5 library does not survive.
#pragma once

#include <string>

namespace objloc {

/// Reads the weight file in a process of its own, for HDF5 1.10 can crash on a damaged structure, or never
/// end. Gives what was wrong, or "" when the file can be read here too.
std::string trial_read(const std::string& path);

}  // namespace objloc
