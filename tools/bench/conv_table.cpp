#include "tools/bench/conv_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "objloc/engine/error.h"

namespace objloc::bench {
namespace {

constexpr const char* kHead =
    "// The CUDA backend's convolution kernels by shape; kernels/cuda/conv2d/conv2d_choice.h says how a "
    "problem "
    "finds\n"
    "// its line. `kernel_bench --tune FILE` measures on the GPU at hand and writes this file, the other\n"
    "// architectures' lines as they were: run it, look at the difference, commit.\n"
    "//\n"
    "// sm: compute capability times ten. pixels: N*P*Q. taps: R*S. automatic: not known, sizes decide. "
    "Behind a\n"
    "// measured line: the medians of the three kernels, the mean of them where several layers have the "
    "shape.\n"
    "//\n"
    "// sm, precision, pixels, C, K, taps, forward, backward_data, backward_weights\n";
constexpr std::string_view kSection = "// sm ";  // "// sm 80: where its lines come from"
constexpr size_t kFields = 9;

std::string line_text(const ConvTableEntry& entry) {
    const ConvTableLine& at = entry.line;
    const auto version = [&at](ConvPass pass) { return at.version(pass) + ","; };
    std::string text =
        fmt::format("{{{}, {}, {:>8}, {:>4}, {:>4}, {:>2}, {:<19} {:<19} {}}},", at.sm, name_of(at.precision),
                    at.pixels, at.C, at.K, at.taps, version(ConvPass::forward),
                    version(ConvPass::backward_data), at.backward_weights);
    return text + (entry.note.empty() ? "" : "  // " + entry.note) + "\n";
}

/// Parts of `text` between any of `separators`, without the empty ones.
std::vector<std::string> split(const std::string& text, const char* separators) {
    std::vector<std::string> parts;
    for (size_t from = 0; (from = text.find_first_not_of(separators, from)) != std::string::npos;) {
        const size_t to = std::min(text.find_first_of(separators, from), text.size());
        parts.push_back(text.substr(from, to - from));
        from = to;
    }
    return parts;
}

int64_t number(const std::string& text) {
    size_t read = 0;
    int64_t value = 0;
    try {
        value = std::stoll(text, &read);
    } catch (const std::exception&) {
        read = 0;
    }
    if (read != text.size() || value <= 0) throw Error("'" + text + "'", "is no whole number above 0");
    return value;
}

std::string version_name(const std::string& text) {
    const std::vector<std::string>& known = conv2d_version_names();
    if (text == kAutomatic || std::find(known.begin(), known.end(), text) != known.end()) return text;
    throw Error("'" + text + "'", "is no version of the convolution");
}

ConvTableEntry parse_line(const std::string& text) {
    const size_t comment = std::min(text.find("//"), text.size());
    const std::vector<std::string> fields = split(text.substr(0, comment), "{, }");
    if (fields.size() != kFields) {
        throw Error("'" + text + "'", fmt::format("has {} fields, not {}", fields.size(), kFields));
    }
    ConvTableEntry entry;
    entry.line = {static_cast<int>(number(fields[0])),
                  parse_precision(fields[1]),
                  number(fields[2]),
                  number(fields[3]),
                  number(fields[4]),
                  number(fields[5]),
                  version_name(fields[6]),
                  version_name(fields[7]),
                  version_name(fields[8])};
    const size_t note = text.find_first_not_of("/ ", comment);
    if (note != std::string::npos) entry.note = text.substr(note);
    return entry;
}

/// False for a comment that belongs to the head.
bool parse_section(const std::string& text, ConvTable& table) {
    const size_t from = kSection.size(), colon = text.find(": ");
    if (!text.starts_with(kSection) || colon == std::string::npos) return false;
    if (text.find_first_not_of("0123456789", from) != colon) return false;
    const int64_t sm = number(text.substr(from, colon - from));
    table.push_back({static_cast<int>(sm), text.substr(colon + 2), {}});
    return true;
}

void parse_into(const std::string& text, ConvTable& table) {
    if (text.empty() || parse_section(text, table) || text.starts_with("//")) return;
    const ConvTableEntry entry = parse_line(text);
    if (table.empty() || table.back().sm != entry.line.sm) {
        throw Error("'" + text + "'",
                    fmt::format("does not stand below '{}{}: ...'", kSection, entry.line.sm));
    }
    table.back().entries.push_back(entry);
}

}  // namespace

std::string conv_table_text(const ConvTable& table) {
    std::string text = kHead;
    for (const ConvTableSection& section : table) {
        text += fmt::format("\n{}{}: {}\n", kSection, section.sm, section.origin);
        for (const ConvTableEntry& entry : section.entries) text += line_text(entry);
    }
    return text;
}

ConvTable parse_conv_table(const std::string& text, const std::string& file) {
    ConvTable table;
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        try {
            parse_into(line, table);
        } catch (const Error& error) {
            throw Error(fmt::format("{}:{}", file, number), error.what(),
                        "Correct the line, or take the file back from git.");
        }
    }
    return table;
}

ConvTable with_section(ConvTable table, const ConvTableSection& section) {
    const auto same = [&](const ConvTableSection& at) { return at.sm == section.sm; };
    table.erase(std::remove_if(table.begin(), table.end(), same), table.end());
    const auto newer = [&](const ConvTableSection& at) { return at.sm > section.sm; };
    table.insert(std::find_if(table.begin(), table.end(), newer), section);
    return table;
}

std::string committed_conv_table_path() {
    return OBJLOC_CONV_TABLE;
}

}  // namespace objloc::bench
