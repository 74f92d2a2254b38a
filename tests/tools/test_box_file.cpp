// CSV files of true boxes: what is read, and that every slip is named by its line.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "tests/tools/tool.h"
#include "tools/eval/box_file.h"
#include "tools/eval/csv.h"

namespace objloc {
namespace {

using Fields = std::vector<std::string>;

/// The message of the Error that `attempt` ends in, or "".
template <typename Attempt>
std::string message_of(const Attempt& attempt) {
    try {
        attempt();
    } catch (const Error& failure) {
        return failure.what();
    }
    return "";
}

void check_contains(const std::string& message, const std::string& part) {
    INFO("looking for: " << part);
    INFO("in: " << message);
    CHECK(message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("tables: quotes, both line ends, empty lines, a byte order mark, no line end at the end") {
    const CsvTable table = parse_csv(
        "\xEF\xBB\xBF"
        "file, x ,note\r\n"
        "a.png,1,\"one, \"\"two\"\"\n and three\"\n"
        "\n"
        "  \r\n"
        "\"b.png\",,\"\"",
        "t.csv");
    CHECK(table.columns == Fields{"file", "x", "note"});
    REQUIRE(table.rows.size() == 2);
    CHECK(table.rows[0].line == 2);
    CHECK(table.rows[0].fields == Fields{"a.png", "1", "one, \"two\"\n and three"});
    CHECK(table.rows[1].line == 6);  // the quoted field holds a line end
    CHECK(table.rows[1].fields == Fields{"b.png", "", ""});
}

TEST_CASE("tables that are none") {
    const auto refused = [](const std::string& text, const std::string& part) {
        check_contains(message_of([&] { parse_csv(text, "t.csv"); }), part);
    };
    refused("", "t.csv: the file is empty");
    refused("\n\r\n", "t.csv: the file is empty");
    refused(std::string("a,b\n1,\0", 7), "t.csv: this is no text");
    refused("a,b\n1\n", "t.csv line 2: 1 fields, where the first line names 2 columns");
    refused("a,b\n1,2\n1,2,3\n", "t.csv line 3: 3 fields");
    refused("a,b\n1,\"2\n\n", "t.csv line 2: a quote is opened");
    refused("a,b\n1,\"2\"3\n", "t.csv line 2: text follows a closing quote");
    refused("a,b\n1,2\"3\n", "t.csv line 2: a quote stands in the middle");
}

TEST_CASE("box files: columns in any order, further ones passed over, squares by their size") {
    const ScratchFolder folder;
    folder.write("rect.csv", "label,height,width,y,x,file\ncat,4,3,2.5,1,a.png\n");
    const auto rect = read_box_file(folder.file("rect.csv"));
    REQUIRE(rect.size() == 1);
    CHECK(rect[0].file == "a.png");
    CHECK(rect[0].box.x == 1);
    CHECK(rect[0].box.y == 2.5);
    CHECK(rect[0].box.width == 3);
    CHECK(rect[0].box.height == 4);
    CHECK(rect[0].place == folder.file("rect.csv") + " line 2");

    folder.write("square.csv", "file,x,y,size\na.png,1,2,7\nb.png,0,0,9\n");
    const auto square = read_box_file(folder.file("square.csv"));
    REQUIRE(square.size() == 2);
    CHECK(square[0].box.width == 7);
    CHECK(square[0].box.height == 7);
    CHECK(square[1].box.width == 9);
}

TEST_CASE("box files that do not do") {
    const ScratchFolder folder;
    const auto refused = [&](const std::string& text, const std::string& part) {
        CAPTURE(text);
        folder.write("boxes.csv", text);
        check_contains(message_of([&] { read_box_file(folder.file("boxes.csv")); }), part);
    };
    const std::string header = "file,x,y,width,height\n", good = header + "a.png,1,2,3,4\n";
    refused(header, "there is no row");
    refused("file,x,y,width\na.png,1,2,3\n", "no column 'height'");
    refused("File,x,y,size\na.png,1,2,3\n", "no column 'file'");
    refused("file,x,y,size,x\na.png,1,2,3,4\n", "column 'x' is there twice");
    refused("file,x,y,size,height\na.png,1,2,3,4\n", "'size' beside 'width' or 'height'");
    refused(good + "b.png,one,2,3,4\n", "line 3: 'one' in the column 'x' is no number");
    refused(good + "b.png,1px,2,3,4\n", "line 3: '1px'");
    refused(good + "b.png,1,2,,4\n", "line 3: '' in the column 'width'");
    refused(good + "b.png,1,nan,3,4\n", "line 3: 'nan'");
    refused(good + "b.png,1,inf,3,4\n", "line 3: 'inf'");
    refused(good + "b.png,1,1e999,3,4\n", "line 3: '1e999'");
    refused(good + "b.png,1,2,0,4\n", "line 3: a box of 0 x 4 pixels has no area");
    refused(good + "b.png,1,2,3,-4\n", "line 3: a box of 3 x -4 pixels");
    refused(good + ",1,2,3,4\n", "line 3: names no file");
    refused(good + "./a.png,1,2,3,4\n",
            "boxes.csv line 3: a.png has a box already, in " + folder.file("boxes.csv") + " line 2");
    check_contains(message_of([&] { read_box_file(folder.file("missing.csv")); }), "missing.csv");
    check_contains(message_of([&] { read_box_file(folder.path().string()); }), "not a file");
}

TEST_CASE("boxes may touch the picture's border and not cross it") {
    const Image picture(80, 40, 3);
    CHECK_NOTHROW(require_inside({"a.png", {0, 0, 80, 40}, "line 2"}, picture));
    for (const Box& box : {Box{-1, 0, 5, 5}, Box{0, -0.5, 5, 5}, Box{76, 0, 5, 5}, Box{0, 36, 5, 4.5}}) {
        check_contains(message_of([&] {
                           require_inside({"a.png", box, "line 2"}, picture);
                       }),
                       "reaches outside a.png, which is 80 x 40 pixels");
    }
}

}  // namespace objloc
