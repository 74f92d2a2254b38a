#include "tools/eval/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

class CsvParser {
  public:
    CsvParser(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

    /// The next row that is not empty; false at the end.
    bool next(CsvRow& row) {
        while (!rest_.empty()) {
            row = {line_, {}};
            do {
                row.fields.push_back(field());
            } while (skip(","));
            end_line();
            if (row.fields.size() > 1 || !row.fields[0].empty()) return true;
        }
        return false;
    }

  private:
    bool skip(std::string_view token) {
        if (rest_.substr(0, token.size()) != token) return false;
        rest_.remove_prefix(token.size());
        return true;
    }

    std::string field() {
        if (skip("\"")) return quoted_field();
        const size_t length = std::min(rest_.find_first_of(",\n"), rest_.size());
        std::string_view text = rest_.substr(0, length);
        if (length < rest_.size() && rest_[length] == '\n' && !text.empty() && text.back() == '\r') {
            text.remove_suffix(1);
        }
        if (text.find('"') != std::string_view::npos) {
            fail(line_, "a quote stands in the middle of a field",
                 "Put quotes round the whole field and write \"\" for one inside.");
        }
        rest_.remove_prefix(text.size());
        return trimmed(text);
    }

    std::string quoted_field() {
        const int64_t opened = line_;
        std::string text;
        while (!rest_.empty()) {
            if (skip("\"\"")) {
                text += '"';
            } else if (skip("\"")) {
                return text;
            } else {
                if (rest_[0] == '\n') ++line_;
                text += rest_[0];
                rest_.remove_prefix(1);
            }
        }
        fail(opened, "a quote is opened and never closed", "Add the closing quote.");
    }

    void end_line() {
        if (!rest_.empty() && !skip("\n") && !skip("\r\n")) {
            fail(line_, "text follows a closing quote", "End the field with a comma or the line there.");
        }
        ++line_;
    }

    [[noreturn]] void fail(int64_t line, const std::string& failure, const std::string& hint) const {
        throw Error(csv_place(where_, line), failure, hint);
    }

    std::string_view rest_;
    const std::string& where_;
    int64_t line_ = 1;
};

}  // namespace

std::string csv_place(const std::string& where, int64_t line) {
    return fmt::format("{} line {}", where, line);
}

CsvTable parse_csv(std::string_view text, const std::string& where) {
    if (text.find('\0') != std::string_view::npos) {
        throw Error(where, "this is no text", "Save the table as CSV in UTF-8.");
    }
    if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
    CsvParser parser(text, where);
    CsvTable table;
    CsvRow row;
    if (!parser.next(row)) throw Error(where, "the file is empty", "Its first line must name the columns.");
    table.columns = row.fields;
    while (parser.next(row)) {
        if (row.fields.size() != table.columns.size()) {
            throw Error(csv_place(where, row.line),
                        fmt::format("{} fields, where the first line names {} columns", row.fields.size(),
                                    table.columns.size()),
                        "A field with a comma in it needs quotes.");
        }
        table.rows.push_back(row);
    }
    return table;
}

}  // namespace objloc
