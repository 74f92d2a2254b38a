#include "tools/eval/box_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "tools/eval/csv.h"

namespace objloc {
namespace {

constexpr const char* kHeaderCure = "The first line must be file,x,y,width,height or file,x,y,size.";

/// Where the numbers of a box stand in a row. A square's width and height are the same column.
struct Columns {
    size_t file, x, y, width, height;
};

std::optional<size_t> find_column(const std::string& path, const CsvTable& table, const std::string& name) {
    const auto& columns = table.columns;
    const auto at = std::find(columns.begin(), columns.end(), name);
    if (at == columns.end()) return std::nullopt;
    if (std::find(at + 1, columns.end(), name) != columns.end()) {
        throw Error(path, "the column '" + name + "' is there twice", kHeaderCure);
    }
    return static_cast<size_t>(at - columns.begin());
}

Columns find_columns(const std::string& path, const CsvTable& table) {
    const auto need = [&](const std::string& name) {
        const auto at = find_column(path, table, name);
        if (!at) throw Error(path, "there is no column '" + name + "'", kHeaderCure);
        return *at;
    };
    const auto size = find_column(path, table, "size");
    if (size && (find_column(path, table, "width") || find_column(path, table, "height"))) {
        throw Error(path, "there is a column 'size' beside 'width' or 'height'", kHeaderCure);
    }
    return {need("file"), need("x"), need("y"), size ? *size : need("width"), size ? *size : need("height")};
}

double number(const std::string& text, const std::string& column, const std::string& place) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc() || stop != end || !std::isfinite(value)) {
        throw Error(place, fmt::format("'{}' in the column '{}' is no number", text, column),
                    "Write pixels, such as 12 or 12.5.");
    }
    return value;
}

LabelledPicture labelled_picture(const CsvTable& table, const Columns& columns, const CsvRow& row,
                                 const std::string& path) {
    LabelledPicture labelled;
    labelled.place = csv_place(path, row.line);
    labelled.file = row.fields[columns.file];
    if (labelled.file.empty()) throw Error(labelled.place, "names no file", "Write the picture's file name.");
    const auto at = [&](size_t column) {
        return number(row.fields[column], table.columns[column], labelled.place);
    };
    labelled.box = {at(columns.x), at(columns.y), at(columns.width), at(columns.height)};
    if (labelled.box.width <= 0 || labelled.box.height <= 0) {
        throw Error(
            labelled.place,
            fmt::format("a box of {} x {} pixels has no area", labelled.box.width, labelled.box.height),
            "Width and height must be above 0.");
    }
    return labelled;
}

}  // namespace

std::vector<LabelledPicture> read_box_file(const std::string& path) {
    const std::vector<uint8_t> bytes = read_file(path);
    const CsvTable table = parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
    const Columns columns = find_columns(path, table);
    std::vector<LabelledPicture> list;
    std::map<std::string, std::string> places;  // of each file, under one spelling
    for (const CsvRow& row : table.rows) {
        list.push_back(labelled_picture(table, columns, row, path));
        const std::string file = std::filesystem::path(list.back().file).lexically_normal().string();
        const auto [earlier, is_new] = places.emplace(file, list.back().place);
        if (!is_new) {
            throw Error(list.back().place, file + " has a box already, in " + earlier->second,
                        "A localizer looks for one object: give each picture one row.");
        }
    }
    if (list.empty())
        throw Error(path, "there is no row below the first line", "Add a row for each picture.");
    return list;
}

void require_inside(const LabelledPicture& labelled, const Image& picture) {
    const Box& box = labelled.box;
    if (box.x >= 0 && box.y >= 0 && box.x + box.width <= picture.width &&
        box.y + box.height <= picture.height) {
        return;
    }
    throw Error(labelled.place,
                fmt::format("the box from ({}, {}) to ({}, {}) reaches outside {}, which is {} x {} pixels",
                            box.x, box.y, box.x + box.width, box.y + box.height, labelled.file, picture.width,
                            picture.height),
                "Boxes are in pixels of the upright picture, from its top-left corner.");
}

}  // namespace objloc
