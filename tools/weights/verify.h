// `objloc_weights verify`: whether a weight file is whole and right.
#pragma once

#include <string>
#include <vector>

namespace objloc {

struct Verification {
    /// What the file is, and what was looked at.
    std::vector<std::string> notes;
    /// Everything that is wrong; empty for a good file.
    std::vector<std::string> faults;
};

/// Looks at the structure (all bytes there, checksums where the file has them), at the tensors against the
/// file's model (names, shapes, finite and sensible values), and at the MD5 of the official files.
/// Does not throw for a damaged file: that is a fault.
Verification verify_weights(const std::string& path);

/// The MD5 of some bytes as 32 hexadecimal digits, by OpenSSL.
std::string md5(const std::vector<unsigned char>& bytes);

}  // namespace objloc
