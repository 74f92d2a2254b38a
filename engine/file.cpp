#include "objloc/engine/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "objloc/engine/error.h"

namespace objloc {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what, int code) {
    std::string hint;
    if (code == ENOENT) hint = "Check the spelling; a folder on the way to the file may be missing.";
    if (code == EACCES || code == EPERM || code == EROFS)
        hint = "Choose a place that you may read and write.";
    if (code == ENOSPC || code == EDQUOT || code == EFBIG) hint = "Free some space or choose another disk.";
    throw Error(path, what + ": " + std::strerror(code), hint);
}

/// A file descriptor that is closed on every way out.
class Descriptor {
  public:
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    ~Descriptor() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int get() const { return descriptor_; }
    /// Closes now, because a disk may report only here that it is full.
    int close() {
        const int result = ::close(descriptor_);
        descriptor_ = -1;
        return result;
    }

  private:
    int descriptor_;
};

/// A file that disappears unless it was renamed into its place.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string path)
        : path_(std::move(path)),
          descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        exists_ = descriptor_.get() >= 0;
    }
    ~TemporaryFile() {
        if (exists_) ::unlink(path_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    bool opened() const { return exists_; }
    bool write(std::span<const uint8_t> bytes) {
        while (!bytes.empty()) {
            const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return false;
            bytes = bytes.subspan(static_cast<size_t>(written));
        }
        return ::fsync(descriptor_.get()) == 0 && descriptor_.close() == 0;
    }
    bool rename_to(const std::string& path) {
        if (std::rename(path_.c_str(), path.c_str()) != 0) return false;
        exists_ = false;
        return true;
    }

  private:
    std::string path_;
    Descriptor descriptor_;
    bool exists_ = false;
};

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
    // Not to block on a pipe that nobody writes to: only regular files are read.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) fail(path, "the file cannot be opened", errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) fail(path, "the file cannot be examined", errno);
    if (!S_ISREG(status.st_mode))
        throw Error(path, "this is not a file but a folder or a device", "Name a file.");

    std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
    size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path, "the file cannot be read", errno);
        if (got == 0) break;  // it shrank meanwhile
        have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

void write_file_atomically(const std::string& path, std::span<const uint8_t> bytes) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        throw Error(path, "this is a folder or a device, not a file to replace", "Name a file.");
    }
    TemporaryFile file(path + ".partial-" + std::to_string(::getpid()));
    if (!file.opened()) fail(path, "the file cannot be made", errno);
    if (!file.write(bytes)) fail(path, "the file cannot be written", errno);
    if (!file.rename_to(path)) fail(path, "the file cannot be put in its place", errno);
}

void write_file_atomically(const std::string& path, std::string_view text) {
    write_file_atomically(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace objloc
