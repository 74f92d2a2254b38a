#include "tools/train/run_folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;

std::string free_folder(const std::string& name) {
    const std::string base = "runs/" + name;
    std::string path = base;
    for (int number = 2; fs::exists(path); ++number) path = base + "-" + std::to_string(number);
    return path;
}

}  // namespace

RunFolder::RunFolder(const std::string& path, const std::string& name)
    : path_(path.empty() ? free_folder(name) : path) {
    std::error_code failure;
    fs::create_directories(path_, failure);
    if (!failure && !fs::is_directory(path_)) failure = std::make_error_code(std::errc::not_a_directory);
    if (failure) {
        throw Error(path_, "the run folder cannot be made: " + failure.message(),
                    "Give --out a folder that you may write to.");
    }
    metrics_.open(file("metrics.jsonl"), std::ios::trunc);
    if (!metrics_) {
        throw Error(path_, std::string("the run folder cannot be written to: ") + std::strerror(errno),
                    "Give --out a folder that you may write to.");
    }
}

void RunFolder::write(const std::string& name, const std::string& text) const {
    write_file_atomically(file(name), text);
}

void RunFolder::log(const std::string& json_line) {
    metrics_ << json_line << '\n' << std::flush;
    if (!metrics_) {
        throw Error(file("metrics.jsonl"), "cannot be written",
                    "Is the disk full? Free some space and run again.");
    }
}

}  // namespace objloc
