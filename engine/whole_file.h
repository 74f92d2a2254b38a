// Reading whole files, and writing them so that nobody ever sees half of one.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace objloc {

/// The bytes of the file. Throws Error when it is missing, a folder, or cannot be read.
std::string read_whole_file(const std::string& path);

/// Writes beside `path` and renames, as `PartialFile` has it.
void write_whole_file(const std::string& path, std::span<const std::byte> bytes);

/// Throws Error, with a cure, when `path` is missing, a folder, or not readable by this user.
void require_readable_file(const std::string& path);

/// A file on its way: made under a temporary name in the same folder, and removed again unless it is
/// published. Whatever fails (folder missing or not writable, disk full), an older file of that name stays as
/// it was.
class PartialFile {
  public:
    /// Makes the temporary file, empty. Throws Error when that cannot be.
    explicit PartialFile(const std::string& path);
    ~PartialFile();
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    /// The temporary name, for libraries that write by themselves.
    const std::string& part() const { return part_; }
    /// Appends. Throws Error when the disk does not take all of it.
    void write(std::span<const std::byte> bytes);
    /// Brings the bytes to the disk and gives the file its name.
    void publish();

  private:
    [[noreturn]] void fail(const std::string& what) const;

    std::string path_;
    std::string part_;
    int descriptor_ = -1;
    bool published_ = false;
};

}  // namespace objloc
