// Tables for people: columns as wide as their widest cell, text to the left, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace objloc::bench {

class Table {
  public:
    /// `headings` that start with '>' belong to columns of numbers.
    explicit Table(std::vector<std::string> headings);
    /// As many cells as there are headings; fewer leave the rest empty.
    void add(std::vector<std::string> cells);
    /// Lines, each ended; the headings underlined.
    std::string text() const;

  private:
    std::vector<bool> right_;
    std::vector<size_t> widths_;
    std::vector<std::vector<std::string>> rows_;  // the headings first
};

/// "1.234 s", "12.3 ms", "4.56 us": four digits of a time.
std::string time_text(double seconds);
/// "1.25 GB", "3.1 MB", "12 kB": decimal units, as bandwidths have them.
std::string bytes_text(double bytes);
/// "87%", or "-" when there is nothing to compare with.
std::string share_text(double share);
/// A rate in units of 1e9 a second: "187.3", or "-" for 0.
std::string giga_text(double per_second);

}  // namespace objloc::bench
