#include "tools/common/shipped_files.h"

#include <filesystem>
#include <system_error>
#include <vector>

namespace objloc {
namespace {

namespace fs = std::filesystem;

/// The folder of the running program, or an empty path.
fs::path program_folder() {
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    return failed ? fs::path() : program.parent_path();
}

}  // namespace

std::string shipped_weights(const std::string& name) {
    std::vector<fs::path> folders = {"weights"};
    const fs::path here = program_folder();
    if (!here.empty()) {
        folders.push_back(here / "../share/objloc/weights");  // PREFIX/bin
        folders.push_back(here / "../../../weights");         // build/PRESET/tools
    }
    for (const fs::path& folder : folders) {
        std::error_code failed;
        const fs::path file = folder / name;
        if (fs::is_regular_file(file, failed)) return file.lexically_normal().string();
    }
    return "";
}

}  // namespace objloc
