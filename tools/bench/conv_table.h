// kernels/cuda/conv2d/conv2d_table.inc as text: what `kernel_bench --tune` reads and writes.
#pragma once

#include <string>
#include <vector>

#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"

namespace objloc::bench {

/// A line, and what stands behind it: "410.2 395.1 880.0 us", or nothing.
struct ConvTableEntry {
    ConvTableLine line;
    std::string note;
};

/// The lines of one architecture, and where they come from: "reasoned, not measured", or the GPU, its driver,
/// the date and the commit.
struct ConvTableSection {
    int sm = 0;
    std::string origin;
    std::vector<ConvTableEntry> entries;
};
using ConvTable = std::vector<ConvTableSection>;

/// The whole file, head and all, the architectures in order.
std::string conv_table_text(const ConvTable& table);

/// The reverse. Throws Error for a line that is none, naming `file` and the line's number.
ConvTable parse_conv_table(const std::string& text, const std::string& file);

/// The table with the section of that architecture replaced, or with one more.
ConvTable with_section(ConvTable table, const ConvTableSection& section);

/// The file that this program was built from.
std::string committed_conv_table_path();

}  // namespace objloc::bench
