// Runs the command-line tools as a person does, and keeps what they print.
#pragma once

#include <filesystem>
#include <string>

namespace objloc {

struct ToolResult {
    int exit_code = -1;
    std::string out, err;
};

/// Runs build/tools/`command`, a shell line such as "objloc_train --epochs 1", in `folder`. `before` is shell
/// text to run first, such as "ulimit -f 64; ".
ToolResult run_tool_line(const std::string& command, const std::filesystem::path& folder,
                         const std::string& before = "");

/// A folder of its own for one test, gone when the test ends.
class ScratchFolder {
  public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    void write(const std::string& name, const std::string& bytes) const;

  private:
    std::filesystem::path path_;
};

/// The whole of a file, or "" when there is none.
std::string contents(const std::filesystem::path& path);

}  // namespace objloc
