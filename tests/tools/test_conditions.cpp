// The condition suite: what its pictures show, what it makes of boxes, and the tool.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "tests/tools/tool.h"
#include "tools/conditions/suite.h"

namespace objloc::conditions {
namespace {

Image filled(int width, int height, const std::vector<uint8_t>& pixel) {
    Image image(width, height, static_cast<int>(pixel.size()));
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = pixel[i % pixel.size()];
    return image;
}

/// A red object, twice as wide as high, on green.
Material red_on_green() {
    return {{filled(100, 50, {255, 0, 0, 255})}, {filled(640, 480, {0, 255, 0})}};
}

const Row& row_named(const std::vector<Row>& rows, const std::string& name) {
    for (const Row& row : rows) {
        if (row.name == name) return row;
    }
    throw Error("test", "there is no condition " + name);
}

/// Bounds of the pixels that are more red than green, in fractions of the sides.
Detection red_part(const Image& image) {
    int left = image.width, top = image.height, right = 0, bottom = 0;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            if (image.at(x, y)[0] <= image.at(x, y)[1]) continue;
            left = std::min(left, x), right = std::max(right, x + 1);
            top = std::min(top, y), bottom = std::max(bottom, y + 1);
        }
    }
    const auto share = [](int pixels, int length) {
        return static_cast<float>(pixels) / static_cast<float>(length);
    };
    return {share(left, image.width),
            share(top, image.height),
            share(right - left, image.width),
            share(bottom - top, image.height),
            0,
            1};
}

std::vector<Picture> pictures_of(const std::string& name, int count = 6) {
    const std::vector<Row> rows = all_rows();
    SuiteOptions options;
    options.count = count;
    return row_pictures(red_on_green(), row_named(rows, name), options);
}

}  // namespace

TEST_CASE("the true box is where the object is seen, in every condition of size, shape and pose") {
    for (const char* name : {"square", "4:3", "16:9", "9:16", "object 8-12 %", "object 80-95 %",
                             "turned 45 degrees", "turned 90 degrees", "mirrored", "half outside"}) {
        for (const Picture& picture : pictures_of(name)) {
            CAPTURE(name);
            REQUIRE(picture.truth.size() == 1);
            // A pixel on each side may be half the object's.
            CHECK(iou(picture.truth[0], red_part(picture.image)) > 0.9f);
        }
    }
}

TEST_CASE("conditions change what they say") {
    for (const Picture& picture : pictures_of("16:9"))
        CHECK(picture.image.width * 9 == doctest::Approx(picture.image.height * 16).epsilon(0.01));
    for (const Picture& picture : pictures_of("object 8-12 %")) {
        const float longer = picture.truth[0].w * static_cast<float>(picture.image.width) / kShorterSide;
        CHECK(longer > 0.07f);
        CHECK(longer < 0.13f);
    }
    for (const Picture& picture : pictures_of("turned 90 degrees")) {
        CHECK(picture.truth[0].h * static_cast<float>(picture.image.height) >
              1.8f * picture.truth[0].w * static_cast<float>(picture.image.width));
    }
    for (const Picture& picture : pictures_of("half outside")) {
        const Detection& box = picture.truth[0];
        const bool at_edge = box.x <= 0 || box.y <= 0 || box.x + box.w >= 0.999f || box.y + box.h >= 0.999f;
        CHECK(at_edge);
    }
    for (const Picture& picture : pictures_of("grey"))
        CHECK(picture.image.at(3, 3)[0] == picture.image.at(3, 3)[2]);
    for (const Picture& picture : pictures_of("dark picture")) CHECK(picture.image.at(3, 3)[1] <= 90);
    for (const Picture& picture : pictures_of("absent")) CHECK(picture.truth.empty());
    for (const Picture& picture : pictures_of("two objects")) {
        REQUIRE(picture.truth.size() == 2);
        CHECK(iou(picture.truth[0], picture.truth[1]) == 0);
    }
}

TEST_CASE("pictures depend on the seed and the condition alone") {
    const std::vector<Picture> first = pictures_of("all mixed", 3), again = pictures_of("all mixed", 2);
    CHECK(first[1].image.pixels == again[1].image.pixels);
    CHECK(first[0].image.pixels != first[1].image.pixels);
}

TEST_CASE("perfect boxes score 1, none score 0, and a threshold hides what is not sure") {
    const std::vector<Row> rows = all_rows();
    const Row& plain = row_named(rows, "4:3");
    const std::vector<Picture> pictures = pictures_of("4:3");
    const auto with_confidence = [&](float confidence) {
        return [&, confidence](const Row&, int number, const Image&) {
            std::vector<Detection> found = pictures[static_cast<size_t>(number)].truth;
            found.front().confidence = confidence;
            return found;
        };
    };
    const RowResult perfect = judge_row(plain, pictures, with_confidence(0.9f), 0.5);
    CHECK(perfect.iou == doctest::Approx(1));
    CHECK(perfect.iou_error < 1e-3);
    CHECK(perfect.over_50 == doctest::Approx(1));
    CHECK(perfect.found == doctest::Approx(1));
    CHECK(perfect.constant_iou < 0.9);
    CHECK(judge_row(plain, pictures, with_confidence(0.4f), 0.5).found == 0);
    const auto nothing = [](const Row&, int, const Image&) { return std::vector<Detection>{}; };
    CHECK(judge_row(plain, pictures, nothing, 0.5).iou == 0);

    const std::vector<Picture> two = pictures_of("two objects");
    const Row& both = row_named(rows, "two objects");
    CHECK(judge_row(
              both, two, [&](const Row&, int n, const Image&) { return two[static_cast<size_t>(n)].truth; },
              0.5)
              .found == doctest::Approx(1));
    const auto one_twice = [&](const Row&, int n, const Image&) {
        const Detection& first = two[static_cast<size_t>(n)].truth.front();
        return std::vector<Detection>{first, first};
    };
    CHECK(judge_row(both, two, one_twice, 0.5).found == 0);
}

TEST_CASE("the tool saves its pictures, judges another program's boxes, and says what is wrong") {
    const ScratchFolder folder;
    const std::string tool = "objloc_conditions --count 2 --rows 'square|absent|two' ";
    const ToolResult saved = run_tool_line(tool + "--save set", folder.path());
    CAPTURE(saved.err);
    REQUIRE(saved.exit_code == 0);
    CHECK(std::filesystem::exists(folder.path() / "set" / "square" / "001.png"));
    const ToolResult judged =
        run_tool_line(tool + "--predictions set/truth.json --json out.json --sheet sheet.png", folder.path());
    CAPTURE(judged.err);
    REQUIRE(judged.exit_code == 0);
    const auto json = nlohmann::json::parse(contents(folder.path() / "out.json"));
    CHECK(json["rows"][0]["condition"] == "square");
    CHECK(json["rows"][0]["iou"] == doctest::Approx(1));
    CHECK(std::filesystem::file_size(folder.path() / "sheet.png") > 0);

    folder.write("bad.json", "[1, 2");
    for (const std::string& arguments :
         {std::string("--rows nonsense --save set"), std::string("--count 1"),
          std::string("--predictions bad.json"), std::string("--model missing.h5"),
          std::string("--photograph set/square/001.png --model missing.h5")}) {
        CAPTURE(arguments);
        const ToolResult refused = run_tool_line("objloc_conditions " + arguments, folder.path());
        CHECK(refused.exit_code == 1);
        CHECK(refused.err.find("error: ") == 0);
    }
}

}  // namespace objloc::conditions
