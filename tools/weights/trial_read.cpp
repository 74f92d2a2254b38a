#include "tools/weights/trial_read.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "engine/error.h"
#include "tools/weights/vgg16_file.h"

namespace objloc {
namespace {

/// Reads, sends what went wrong down the pipe, and ends without the library's own clean-up, which may hang
/// too.
[[noreturn]] void read_in_child(const std::string& path, int pipe_end) {
    constexpr unsigned kPatience = 30;  // seconds
    alarm(kPatience);
    std::string failure;
    try {
        read_weight_file(path);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    const ssize_t sent = write(pipe_end, failure.data(), failure.size());
    _exit(sent == std::ssize(failure) ? 0 : 1);
}

std::string read_to_end(int pipe_end) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t count = read(pipe_end, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<size_t>(count));
    }
}

}  // namespace

std::string trial_read(const std::string& path) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw Error(path, "no pipe could be made to read it safely", "Try again.");
    const pid_t child = fork();
    if (child < 0) throw Error(path, "no process could be started to read it safely", "Try again.");
    if (child == 0) {
        close(ends[0]);
        read_in_child(path, ends[1]);
    }
    close(ends[1]);
    std::string failure = read_to_end(ends[0]);
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        return fmt::format(
            "Its structure is damaged: the HDF5 library {} on it.\n  Download or copy it again.",
            WTERMSIG(status) == SIGALRM ? "comes to no end" : "crashes");
    }
    return failure;
}

}  // namespace objloc
