// Image files: every form that is read, every fault that is refused, and pictures written.
#include "objloc/generators/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/drawing.h"
#include "objloc/generators/image_structure.h"
#include "tests/fixtures_images/fixtures.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

using Bytes = std::vector<uint8_t>;

bool near(const uint8_t* pixel, const Colour& colour) {
    for (size_t c = 0; c < 3; ++c) {
        if (std::abs(pixel[c] - colour[c]) > 12) return false;
    }
    return true;
}

/// The colours of the four corners in reading order, "RGBW" for quarters.jpg as it is; '?' for another
/// colour.
std::string corners(const Image& image) {
    const std::pair<char, Colour> names[] = {
        {'R', {255, 0, 0}}, {'G', {0, 255, 0}}, {'B', {0, 0, 255}}, {'W', {255, 255, 255}}};
    std::string found;
    for (const int y : {1, image.height - 2}) {
        for (const int x : {1, image.width - 2}) {
            char name = '?';
            for (const auto& [letter, colour] : names) {
                if (near(image.at(x, y), colour)) name = letter;
            }
            found += name;
        }
    }
    return found;
}

/// Where `pattern` begins, which must be there.
size_t find(const Bytes& bytes, const Bytes& pattern) {
    const auto at = std::search(bytes.begin(), bytes.end(), pattern.begin(), pattern.end());
    REQUIRE(at != bytes.end());
    return static_cast<size_t>(at - bytes.begin());
}

/// The text of the Error that decoding gives; empty when there is none.
std::string failure_of(const Bytes& bytes) {
    try {
        decode_image(bytes, "the file");
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

bool mentions(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A PNG that claims a size, with a correct checksum.
Bytes png_claiming(uint32_t width, uint32_t height) {
    Bytes bytes = read_file(fixtures::path("rgb.png"));
    for (size_t i = 0; i < 4; ++i) {
        bytes[16 + i] = static_cast<uint8_t>(width >> (24 - 8 * i));
        bytes[20 + i] = static_cast<uint8_t>(height >> (24 - 8 * i));
    }
    const uint32_t checksum = crc32(std::span(bytes).subspan(12, 17));
    for (size_t i = 0; i < 4; ++i) bytes[29 + i] = static_cast<uint8_t>(checksum >> (24 - 8 * i));
    return bytes;
}

}  // namespace

TEST_CASE("crc32 gives the check value of its catalogue entry") {
    const std::string digits = "123456789";
    CHECK(crc32(std::span(reinterpret_cast<const uint8_t*>(digits.data()), 9)) == 0xCBF43926u);
}

TEST_CASE("every form of PNG reads as Pillow reads it") {
    size_t count = 0;
    for (std::istringstream& line : fixtures::cases("form")) {
        std::string name;
        line >> name;
        INFO(name);
        CHECK(crc32(load_image(fixtures::path(name)).pixels) == fixtures::checksum_at_end(line));
        ++count;
    }
    CHECK(count == 9);
}

TEST_CASE("JPEGs: baseline, progressive and grey") {
    for (const char* name : {"quarters.jpg", "progressive.jpg"}) {
        const Image image = load_image(fixtures::path(name));
        CHECK(image.width == 32);
        CHECK(image.height == 16);
        CHECK(image.channels == 3);
        CHECK(corners(image) == "RGBW");
    }
    const Image grey = load_image(fixtures::path("grey.jpg"));
    CHECK(grey.channels == 3);
    CHECK(near(grey.at(2, 2), {76, 76, 76}));  // 0.299 of 255
}

TEST_CASE("JPEGs decode as Pillow decodes them, but for the roundings that the standard leaves free") {
    for (const char* form : {"444", "422", "420", "progressive"}) {
        const std::string name = std::string("photo_") + form;
        const Image ours = load_image(fixtures::path(name + ".jpg"));
        const Image pillows = load_image(fixtures::path(name + ".png"));
        REQUIRE(ours.pixels.size() == pillows.pixels.size());
        // stb_image 2.27 interpolates the last column's colours of 4:2:2 wrongly when the width is odd.
        const int columns = ours.width - (name == "photo_422" ? 1 : 0);
        int largest = 0, sum = 0;
        for (int y = 0; y < ours.height; ++y) {
            for (int x = 0; x < columns; ++x) {
                for (size_t c = 0; c < 3; ++c) {
                    const int difference = std::abs(ours.at(x, y)[c] - pillows.at(x, y)[c]);
                    largest = std::max(largest, difference);
                    sum += difference;
                }
            }
        }
        INFO(name);
        CHECK(largest <= 3);
        CHECK(sum <= columns * ours.height);  // a third of a step on average
    }
}

TEST_CASE("JPEGs are turned upright as EXIF says") {
    // What the eight orientations make of quarters.jpg, from the standard's description of each.
    const char* const expected[] = {"RGBW", "GRWB", "WBGR", "BWRG", "RBGW", "BRWG", "WGBR", "GWRB"};
    const Bytes turned = read_file(fixtures::path("turned_big_endian.jpg"));
    const size_t tag = find(turned, {0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00});
    for (uint8_t orientation = 1; orientation <= 8; ++orientation) {
        Bytes bytes = turned;
        bytes[tag + 9] = orientation;
        const Image image = decode_image(bytes, "turned");
        INFO(int{orientation});
        CHECK(corners(image) == expected[orientation - 1]);
        CHECK(image.width == (orientation <= 4 ? 32 : 16));
        CHECK(image.height == (orientation <= 4 ? 16 : 32));
    }
    for (const int meaningless : {0, 9, 255}) {
        Bytes bytes = turned;
        bytes[tag + 9] = static_cast<uint8_t>(meaningless);
        CHECK(corners(decode_image(bytes, "turned")) == "RGBW");
    }
    CHECK(corners(load_image(fixtures::path("turned_little_endian.jpg"))) == "BRWG");
}

TEST_CASE("a file that ends early is refused wherever it ends") {
    for (const char* name :
         {"rgb.png", "palette_transparent.png", "quarters.jpg", "progressive.jpg", "grey.jpg"}) {
        const Bytes whole = read_file(fixtures::path(name));
        for (size_t size = 0; size < whole.size(); ++size) {
            const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            INFO(name << " cut to " << size << " of " << whole.size());
            CHECK_FALSE(failure_of(part).empty());
        }
    }
}

TEST_CASE("a damaged PNG is refused; a damaged JPEG is refused or read, without harm") {
    for (const char* name : {"rgb.png", "quarters.jpg", "progressive.jpg", "turned_little_endian.jpg"}) {
        const Bytes whole = read_file(fixtures::path(name));
        for (size_t i = 0; i < whole.size(); ++i) {
            for (const int flip : {0x01, 0x80, 0xFF}) {
                Bytes damaged = whole;
                damaged[i] = static_cast<uint8_t>(damaged[i] ^ flip);
                const std::string failure = failure_of(damaged);
                INFO(name << " with byte " << i << " changed");
                if (std::string(name) == "rgb.png") CHECK_FALSE(failure.empty());
            }
        }
    }
}

TEST_CASE("what cannot be read is refused with its reason") {
    const ScratchFolder folder;
    CHECK_THROWS_AS(load_image(folder.file("missing.png")), Error);
    CHECK_THROWS_AS(load_image(folder.path().string()), Error);
    CHECK(mentions(failure_of({}), "empty"));
    CHECK(mentions(failure_of({'G', 'I', 'F', '8', '9', 'a'}), "neither a PNG nor a JPEG"));
    CHECK(mentions(failure_of(read_file(fixtures::path("cmyk.jpg"))), "CMYK"));
    CHECK(mentions(failure_of(png_claiming(16385, 1)), "too large: 16385 x 1"));
    CHECK(mentions(failure_of(png_claiming(1, 1u << 20)), "too large"));
    CHECK_FALSE(failure_of(png_claiming(0x7FFFFFFF, 0x7FFFFFFF)).empty());
    CHECK_FALSE(failure_of(png_claiming(0, 7)).empty());
    CHECK_FALSE(failure_of(png_claiming(9, 8)).empty());  // one row of pixels is missing
    Bytes overfull = read_file(fixtures::path("quarters.jpg"));
    const size_t table = find(overfull, {0xFF, 0xC4});
    overfull[table + 5 + 14] = overfull[table + 5 + 15] = 200;  // 400 codes of 15 and 16 bits
    CHECK(mentions(failure_of(overfull), "damaged"));
    Bytes blank = read_file(fixtures::path("quarters.jpg"));  // ends before its scan begins
    blank.resize(find(blank, {0xFF, 0xDA}));
    blank.insert(blank.end(), {0xFF, 0xD9});
    CHECK(mentions(failure_of(blank), "truncated"));
    Bytes wide = read_file(fixtures::path("quarters.jpg"));
    const size_t frame = find(wide, {0xFF, 0xC0});
    wide[frame + 7] = wide[frame + 8] = 0xFF;
    CHECK(mentions(failure_of(wide), "too large: 65535 x 16"));
}

TEST_CASE("a saved PNG reads back the same, and a failed one leaves nothing") {
    const ScratchFolder folder;
    for (const int channels : {3, 4}) {
        const Image image = fixtures::noise(37, 11, channels);
        save_png(folder.file("image.png"), image);
        const Image back = load_image(folder.file("image.png"));
        CHECK(back.width == 37);
        CHECK(back.height == 11);
        CHECK(back.channels == channels);
        CHECK(back.pixels == image.pixels);
    }
    CHECK_THROWS_AS(save_png(folder.file("missing/image.png"), fixtures::noise(2, 2, 3)), Error);
    CHECK_THROWS_AS(save_png(folder.file("none.png"), Image()), Error);
    CHECK_FALSE(std::filesystem::exists(folder.file("none.png")));
}

TEST_CASE("crop and to_rgb keep the pixels") {
    const Image image = fixtures::noise(9, 8, 4);
    const Image part = crop(image, 2, 3, 5, 4);
    CHECK(part.width == 5);
    CHECK(part.height == 4);
    CHECK(std::equal(part.at(4, 3), part.at(4, 3) + 4, image.at(6, 6)));
    const Image rgb = to_rgb(image);
    CHECK(rgb.channels == 3);
    CHECK(std::equal(rgb.at(8, 7), rgb.at(8, 7) + 3, image.at(8, 7)));
    CHECK_THROWS_AS(crop(image, 5, 0, 5, 1), Error);
    CHECK_THROWS_AS(crop(image, 0, 0, 0, 1), Error);
}

TEST_CASE("a box is drawn on its border and cut off at the picture's") {
    const Colour red = {255, 0, 0};
    for (const int thickness : {1, 2}) {
        Image image(12, 10, 3);
        draw_box(image, {2, 3, 7, 6}, red, thickness);
        for (int y = 0; y < 10; ++y) {
            for (int x = 0; x < 12; ++x) {
                const bool inside = x >= 2 && x < 9 && y >= 3 && y < 9;
                const bool hollow =
                    x >= 2 + thickness && x < 9 - thickness && y >= 3 + thickness && y < 9 - thickness;
                INFO(x << ", " << y);
                CHECK(int{image.at(x, y)[0]} == (inside && !hollow ? 255 : 0));
            }
        }
    }
    Image small(4, 4, 3);
    draw_box(small, {-5, -5, 7, 100}, red, 3);  // only its right edge is in sight
    CHECK(small.at(0, 2)[0] == 255);
    CHECK(small.at(1, 2)[0] == 255);
    CHECK(small.at(2, 2)[0] == 0);
    const Image before = small;
    draw_box(small, {1, 1, 0, 0}, red, 1);
    CHECK(small.pixels == before.pixels);
}

TEST_CASE("fractions become pixels") {
    const float three[] = {0.25f, 0.5f, 0.125f}, four[] = {0.25f, 0.5f, 0.125f, 0.25f};
    const PixelBox square = pixel_box(three, 3, 128, 64), box = pixel_box(four, 4, 128, 64);
    CHECK(square.x == 32);
    CHECK(square.y == 32);
    CHECK(square.width == 16);
    CHECK(square.height == 8);
    CHECK(box.height == 16);
    const float broken[] = {NAN, INFINITY, 1e30f};
    const PixelBox none = pixel_box(broken, 3, 10, 10);
    CHECK(none.x == 0);
    CHECK(none.y == 0);
    CHECK(none.width == 20);
}

TEST_CASE("pictures are enlarged and laid out on a sheet") {
    const Image image = fixtures::noise(3, 2, 3);
    const Image large = enlarge(image, 4);
    CHECK(large.width == 12);
    CHECK(large.height == 8);
    CHECK(std::equal(large.at(11, 7), large.at(11, 7) + 3, image.at(2, 1)));
    CHECK_THROWS_AS(enlarge(image, 0), Error);

    const Image sheet = image_sheet({image, image, image}, 2, 1);
    CHECK(sheet.width == 9);
    CHECK(sheet.height == 7);
    CHECK(std::equal(sheet.at(5, 1), sheet.at(5, 1) + 3, image.at(0, 0)));
    CHECK(std::equal(sheet.at(1, 4), sheet.at(1, 4) + 3, image.at(0, 0)));
    CHECK(sheet.at(4, 0)[0] == 96);
    CHECK_THROWS_AS(image_sheet({image, large}, 2), Error);
    CHECK_THROWS_AS(image_sheet({}, 2), Error);
}

}  // namespace objloc
