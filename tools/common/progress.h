// A progress bar for an epoch, redrawn in place; silent where the output is no terminal.
// Our own because Debian packages no C++ progress bar; it is one line of text.
#pragma once

#include <cstdint>
#include <string>

namespace objloc {

class Progress {
  public:
    /// `total` units of work, under a title such as "Epoch 1/5".
    Progress(std::string title, int64_t total);
    /// Redraws: how much is done, and what to say behind the bar.
    void show(int64_t done, const std::string& note);
    /// Replaces the bar by a line that stays. Printed everywhere, terminal or not.
    void finish(const std::string& note);

  private:
    std::string title_;
    int64_t total_;
    bool terminal_;
};

/// "0:42", "1:03:20".
std::string duration_text(double seconds);

}  // namespace objloc
