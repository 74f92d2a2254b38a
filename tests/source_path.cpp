#include "tests/source_path.h"

namespace objloc {

std::string source_path(const std::string& file) {
    return std::string(OBJLOC_TESTS_DIR "/") + file;
}

}  // namespace objloc
