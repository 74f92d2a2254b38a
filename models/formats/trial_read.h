// Reading a file that may be damaged in ways that the library which reads it does not survive.
#pragma once

#include <functional>
#include <string>

namespace objloc {

/// Lets a child process do `read` first: on a damaged structure HDF5 1.10 can crash, never end, or take all
/// of the memory. Throws Error when that happens to the child, or with the child's own words when its `read`
/// threw. Returns when the child could read the file: it is a copy of this process at this moment, so what it
/// survives, this one does. "Never" is more than `seconds` of processor time; the largest VGG16 takes one or
/// two.
void trial_read(const std::string& path, const std::function<void()>& read, unsigned seconds = 30);

}  // namespace objloc
