// The one exception type: what failed, where, and what the user can do about it.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace objloc {

/// Every failure that a person can meet. `what()` reads "where: failure" and, on a second line, the hint.
class Error : public std::runtime_error {
  public:
    /// `where`: the file, flag, tensor or op at fault. `failure`: what went wrong, with the numbers.
    /// `hint`: what the reader can do now; may be empty when nothing can be done.
    Error(const std::string& where, const std::string& failure, const std::string& hint = "")
        : std::runtime_error(where + ": " + failure + (hint.empty() ? "" : "\n  " + hint)) {}
};

/// Memory that a backend could not get. Who knows what the memory is for can say what would fit.
class OutOfMemory : public Error {
  public:
    OutOfMemory(const std::string& where, const std::string& failure, const std::string& hint,
                size_t free_bytes)
        : Error(where, failure, hint), free_bytes_(free_bytes) {}

    /// What the device had left when it refused.
    size_t free_bytes() const { return free_bytes_; }

  private:
    size_t free_bytes_;
};

}  // namespace objloc
