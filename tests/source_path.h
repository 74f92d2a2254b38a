// Where the tests' own files lie, whatever folder they run in.
#pragma once

#include <string>

namespace objloc {

/// The path of a file given from tests/: "fixtures/keras1_notop.h5".
std::string source_path(const std::string& file);

}  // namespace objloc
