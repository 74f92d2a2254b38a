#include "tools/common/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <utility>

namespace objloc {
namespace {

constexpr int64_t kWidth = 20;
constexpr const char* kClearLine = "\r\x1b[2K";

}  // namespace

Progress::Progress(std::string title, int64_t total)
    : title_(std::move(title)), total_(total), terminal_(isatty(STDOUT_FILENO) == 1) {
}

void Progress::show(int64_t done, const std::string& note) {
    if (!terminal_) return;
    const int64_t filled = total_ > 0 ? done * kWidth / total_ : kWidth;
    const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                            std::string(static_cast<size_t>(kWidth - filled), '.');
    fmt::print("{}{} [{}] {}/{}  {}", kClearLine, title_, bar, done, total_, note);
    std::fflush(stdout);
}

void Progress::finish(const std::string& note) {
    fmt::print("{}{}  {}\n", terminal_ ? kClearLine : "", title_, note);
    std::fflush(stdout);
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<int64_t>(std::lround(seconds));
    const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
    return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                     : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace objloc
