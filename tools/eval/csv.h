// Comma-separated tables, as RFC 4180 has them. Our own because the C++ reader that Debian and Ubuntu package
// is a snapshot of 2016; strict, so that a slip in a file is named by its line and never guessed at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace objloc {

struct CsvRow {
    int64_t line = 0;  // of the file, from 1
    std::vector<std::string> fields;
};

struct CsvTable {
    std::vector<std::string> columns;  // the first line
    std::vector<CsvRow> rows;          // as many fields in each
};

/// Fields may be in double quotes, with "" for a quote inside; spaces around plain ones do not count. Lines
/// end in \n or \r\n, empty ones are passed over, and so is a byte order mark. `where` names the text in
/// errors. Throws Error for a quote that is not closed or not where a quote may be, a row that is longer or
/// shorter than the first line, bytes that are no text, and a text without any line.
CsvTable parse_csv(std::string_view text, const std::string& where);

/// "boxes.csv line 3", for errors about a row.
std::string csv_place(const std::string& where, int64_t line);

}  // namespace objloc
