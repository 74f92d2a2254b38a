// Whole files in and out. A file is written beside its place and renamed, so that nobody ever finds half of
// one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace objloc {

/// All bytes of a regular file. Throws Error when it is missing, a folder, a device, or cannot be read.
std::vector<uint8_t> read_file(const std::string& path);

/// Replaces `path` by `bytes` or leaves it as it was: a full disk, a missing or unwritable folder throw Error
/// and leave nothing behind. Folders and devices are refused, since a rename would put a file in their place.
void write_file_atomically(const std::string& path, std::span<const uint8_t> bytes);
void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace objloc
