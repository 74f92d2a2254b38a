#include "tests/tools/tool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace objloc {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
    static std::atomic<int> counter{0};
    path_ = fs::temp_directory_path() /
            ("objloc_test_" + std::to_string(getpid()) + "_" + std::to_string(counter++));
    fs::create_directories(path_);
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void ScratchFolder::write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
}

std::string contents(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

ToolResult run_tool_line(const std::string& command, const fs::path& folder, const std::string& before) {
    const ScratchFolder streams;
    const std::string line = "cd '" + folder.string() + "' && " + before + OBJLOC_TOOLS_DIR "/" + command +
                             " >'" + streams.file("out") + "' 2>'" + streams.file("err") + "' </dev/null";
    const int status = std::system(line.c_str());
    ToolResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result.out = contents(streams.file("out"));
    result.err = contents(streams.file("err"));
    return result;
}

}  // namespace objloc
