#include "objloc/models/formats/trial_read.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

void require_started(bool started, const std::string& path) {
    if (started) return;
    throw Error(path, std::string("no process could be started to read it safely: ") + std::strerror(errno),
                "Is there enough memory? Are there too many processes?");
}

struct Pipe {
    explicit Pipe(const std::string& path) { require_started(pipe2(ends.data(), O_CLOEXEC) == 0, path); }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void close_end(size_t i) {
        if (ends[i] >= 0) close(ends[i]);
        ends[i] = -1;
    }

    std::array<int, 2> ends{-1, -1};  // to read from, to write to
};

void lower_limit(decltype(RLIMIT_CPU) resource, rlim_t most) {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0) return;
    limit.rlim_cur = std::min(limit.rlim_cur, most);
    setrlimit(resource, &limit);
}

/// What this process has of addresses already, which may be much where there is a GPU, and several times what
/// the file's numbers take.
rlim_t address_space(const std::string& path) {
    rlim_t pages = 0;
    if (!(std::ifstream("/proc/self/statm") >> pages)) return RLIM_INFINITY;
    std::error_code unreadable;
    const auto file_bytes = std::filesystem::file_size(path, unreadable);
    constexpr rlim_t kGigabyte = rlim_t{1} << 30;
    return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + kGigabyte + (unreadable ? 0 : 8 * file_bytes);
}

/// The child's own ways: no debugger's or test's handlers, no core file (a crash is expected here), nothing
/// on the terminal, and limits. That of time counts the processor's, not the clock's: a slow disk is no
/// damage. Where one of these cannot be had, the reading is tried without it.
void set_up_child(const std::string& path, unsigned seconds) {
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU}) std::signal(signal, SIG_DFL);
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    lower_limit(RLIMIT_CORE, 0);
    lower_limit(RLIMIT_CPU, seconds);
    lower_limit(RLIMIT_AS, address_space(path));
}

/// Reads, sends what went wrong down the pipe, and ends without the library's own clean-up, which may crash
/// or hang too.
[[noreturn]] void read_in_child(const std::string& path, const std::function<void()>& read, unsigned seconds,
                                int pipe_end) {
    set_up_child(path, seconds);
    std::string failure;
    try {
        read();
    } catch (const std::bad_alloc&) {
        failure = "its structure is damaged: it asks for far more memory than its size";
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
        const ssize_t count = ::read(pipe_end, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<size_t>(count));
    }
}

int wait_for(pid_t child, const std::string& path) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) throw Error(path, "the process that tried to read it was lost", "Try again.");
    }
    return status;
}

}  // namespace

void trial_read(const std::string& path, const std::function<void()>& read, unsigned seconds) {
    Pipe pipe(path);
    const pid_t child = fork();
    require_started(child >= 0, path);
    if (child == 0) read_in_child(path, read, seconds, pipe.ends[1]);
    pipe.close_end(1);
    const std::string failure = read_to_end(pipe.ends[0]);
    const int status = wait_for(child, path);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const bool endless = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
        throw Error(path,
                    fmt::format("its structure is damaged: the HDF5 library {} on it",
                                endless ? "comes to no end" : "crashes"),
                    "Download or copy it again.");
    }
    const std::string prefix = path + ": ";  // which Error adds again
    if (!failure.empty())
        throw Error(path, failure.starts_with(prefix) ? failure.substr(prefix.size()) : failure);
}

}  // namespace objloc
