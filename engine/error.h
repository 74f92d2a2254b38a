// The one exception type: what failed, where, and what the user can do about it.
#pragma once

#include <stdexcept>
#include <string>

namespace objloc {

/// Every failure that a person can meet. `what()` reads "where: failure" and, on a second line, the cure.
class Error : public std::runtime_error {
  public:
    /// `where`: the file, flag, tensor or op at fault. `failure`: what went wrong, with the numbers.
    /// `cure`: what the reader can do now; may be empty when nothing can be done.
    Error(const std::string& where, const std::string& failure, const std::string& cure = "")
        : std::runtime_error(where + ": " + failure + (cure.empty() ? "" : "\n  " + cure)) {}
};

}  // namespace objloc
