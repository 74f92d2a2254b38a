#include "tools/bench/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace objloc::bench {

Table::Table(std::vector<std::string> headings) : widths_(headings.size(), 0) {
    for (std::string& heading : headings) {
        right_.push_back(heading.starts_with('>'));
        if (right_.back()) heading.erase(0, 1);
    }
    add(std::move(headings));
}

void Table::add(std::vector<std::string> cells) {
    cells.resize(widths_.size());
    for (size_t c = 0; c < cells.size(); ++c) widths_[c] = std::max(widths_[c], cells[c].size());
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    constexpr const char* kGap = "  ";
    std::string all;
    for (size_t r = 0; r < rows_.size(); ++r) {
        std::string line;
        for (size_t c = 0; c < widths_.size(); ++c) {
            line += right_[c] ? fmt::format("{:>{}}", rows_[r][c], widths_[c])
                              : fmt::format("{:<{}}", rows_[r][c], widths_[c]);
            line += kGap;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        all += line + "\n";
        if (r > 0) continue;
        for (const size_t width : widths_) all += std::string(width, '-') + kGap;
        all.erase(all.find_last_not_of(' ') + 1);
        all += "\n";
    }
    return all;
}

std::string time_text(double seconds) {
    if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
    if (seconds >= 1e-3) return fmt::format("{:.4g} ms", seconds * 1e3);
    return fmt::format("{:.4g} us", seconds * 1e6);
}

std::string bytes_text(double bytes) {
    constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
    return fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}

std::string share_text(double share) {
    return share > 0 ? fmt::format("{:.0f}%", share * 100) : "-";
}

std::string giga_text(double per_second) {
    return per_second > 0 ? fmt::format("{:.1f}", per_second / 1e9) : "-";
}

}  // namespace objloc::bench
