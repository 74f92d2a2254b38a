#include "engine/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "engine/error.h"

namespace objloc {
namespace {

const char* cure_of(int error_number) {
    switch (error_number) {
        case ENOSPC:
        case EDQUOT:
            return "Free some space, or name a file on another disk.";
        case EFBIG:
            return "The system limits the size of files here (`ulimit -f`); raise the limit.";
        case ENOENT:
            return "Make the folder first, or check the path.";
        case EACCES:
        case EPERM:
        case EROFS:
            return "Name a folder that you may write to.";
        default:
            return "";
    }
}

}  // namespace

void require_readable_file(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw Error(path, "no such file", "Check the path.");
    if (std::filesystem::is_directory(status)) throw Error(path, "is a folder", "Name a file inside it.");
    if (access(path.c_str(), R_OK) != 0) {
        throw Error(path, "cannot be read: " + std::string(std::strerror(errno)), "Check its permissions.");
    }
}

std::string read_whole_file(const std::string& path) {
    require_readable_file(path);
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    if (file.bad() || bytes.bad())
        throw Error(path, "could not be read to its end", "The disk may be failing.");
    return std::move(bytes).str();
}

void write_whole_file(const std::string& path, std::span<const std::byte> bytes) {
    PartialFile file(path);
    file.write(bytes);
    file.publish();
}

// The process id keeps two runs that write the same file from mixing their bytes.
PartialFile::PartialFile(const std::string& path)
    : path_(path), part_(path + ".part-" + std::to_string(getpid())) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown))
        throw Error(path, "is a folder", "Name a file inside it.");
    descriptor_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("could not be created");
}

PartialFile::~PartialFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!published_) unlink(part_.c_str());
}

void PartialFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("could not be written");
        bytes = bytes.subspan(static_cast<size_t>(count));
    }
}

// Some file systems report a full disk only when asked to bring the bytes down, or on closing.
void PartialFile::publish() {
    if (fsync(descriptor_) != 0) fail("could not be written");
    const int descriptor = std::exchange(descriptor_, -1);
    if (close(descriptor) != 0) fail("could not be written");
    if (std::rename(part_.c_str(), path_.c_str()) != 0) fail("could not be renamed from " + part_);
    published_ = true;
}

void PartialFile::fail(const std::string& what) const {
    const int error_number = errno;
    throw Error(path_, what + ": " + std::strerror(error_number), cure_of(error_number));
}

}  // namespace objloc
