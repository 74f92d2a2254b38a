#include "tools/common/output_folder.h"

#include <filesystem>

#include "objloc/engine/error.h"

namespace objloc {

void make_output_folder(const std::string& path) {
    std::error_code failure;
    std::filesystem::create_directories(path, failure);
    if (!failure && !std::filesystem::is_directory(path)) {
        failure = std::make_error_code(std::errc::not_a_directory);
    }
    if (failure) {
        throw Error(path, "the folder cannot be made: " + failure.message(), "Give another --out.");
    }
}

}  // namespace objloc
