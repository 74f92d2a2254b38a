// Resizing equals Pillow's, bit for bit: checksums of its results and one whole image (fixtures_images/).
#include "objloc/generators/resize.h"

#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/sprite_atlas.h"
#include "tests/fixtures_images/fixtures.h"

namespace objloc {
namespace {

SpriteAtlas cat_atlas(int outputs) {
    return make_sprite_atlas({decode_image(embedded_sprite().bytes, "cat")}, 128, outputs);
}

std::span<const uint8_t> pixels_of(const SpriteAtlas& atlas, size_t i) {
    const SpriteEntry& entry = atlas.entries[i];
    const size_t pixels = static_cast<size_t>(entry.width) * static_cast<size_t>(entry.height);
    return std::span(atlas.rgba).subspan(static_cast<size_t>(entry.offset), 4 * pixels);
}

}  // namespace

TEST_CASE("noise in RGB and RGBA, smaller, larger, to one pixel, in one direction only") {
    size_t count = 0;
    for (std::istringstream& line : fixtures::cases("resize")) {
        int width = 0, height = 0, channels = 0, new_width = 0, new_height = 0;
        line >> width >> height >> channels >> new_width >> new_height;
        INFO(width << " x " << height << " x " << channels << " to " << new_width << " x " << new_height);
        const Image image = resize(fixtures::noise(width, height, channels), new_width, new_height);
        CHECK(image.width == new_width);
        CHECK(image.height == new_height);
        CHECK(crc32(image.pixels) == fixtures::checksum_at_end(line));
        ++count;
    }
    CHECK(count == 54);
}

TEST_CASE("the cat in all 32 sizes") {
    const SpriteAtlas atlas = cat_atlas(3);
    REQUIRE(atlas.entries.size() == 32);
    size_t i = 0;
    for (std::istringstream& line : fixtures::cases("sprite")) {
        int size = 0;
        line >> size;
        INFO(size);
        REQUIRE(i < 32);
        CHECK(atlas.entries[i].width == size);
        CHECK(atlas.entries[i].height == size);
        CHECK(crc32(pixels_of(atlas, i)) == fixtures::checksum_at_end(line));
        ++i;
    }
    CHECK(i == 32);
}

TEST_CASE("one size pixel by pixel, so that a difference can be looked at") {
    const Image expected = load_image(fixtures::path("cat_40.png"));
    const SpriteAtlas atlas = cat_atlas(3);
    const std::span<const uint8_t> ours = pixels_of(atlas, 40 - 32);
    REQUIRE(expected.pixels.size() == ours.size());
    size_t different = 0;
    for (size_t i = 0; i < ours.size(); ++i) different += ours[i] != expected.pixels[i];
    CHECK(different == 0);
}

TEST_CASE("a constant image stays constant at any size") {
    for (const int value : {0, 1, 127, 128, 254, 255}) {
        Image image(23, 17, 3);
        std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(value));
        for (const int size : {1, 2, 16, 23, 100}) {
            for (const uint8_t byte : resize(image, size, size + 3).pixels) REQUIRE(int{byte} == value);
        }
    }
}

TEST_CASE("sizes that are none are refused") {
    const Image image(4, 4, 3);
    for (const int size : {0, -1, kMaxImageSide + 1}) {
        CHECK_THROWS_AS(resize(image, size, 4), Error);
        CHECK_THROWS_AS(resize(image, 4, size), Error);
    }
}

TEST_CASE("sprites: squeezed to a square, or in their own proportions") {
    const Image wide = fixtures::noise(90, 30, 4);
    const SpriteAtlas square = make_sprite_atlas({wide}, 128, 3), rect = make_sprite_atlas({wide}, 128, 4);
    for (size_t i = 0; i < 32; ++i) {
        const int size = 32 + static_cast<int>(i);
        CHECK(square.entries[i].width == size);
        CHECK(square.entries[i].height == size);
        CHECK(rect.entries[i].width == size);
        CHECK(rect.entries[i].height == (size + 1) / 3);  // to nearest
        CHECK(pixels_of(rect, i).size() == static_cast<size_t>(4 * size * ((size + 1) / 3)));
    }
    CHECK(make_sprite_atlas({fixtures::noise(1, 500, 4)}, 128, 4).entries[0].width == 1);
    CHECK(make_sprite_atlas({wide}, 32, 3).entries.size() == 8);
}

TEST_CASE("transparent margins of a sprite are trimmed") {
    Image sprite(20, 30, 4);
    sprite.at(4, 7)[3] = 1;
    sprite.at(11, 25)[3] = 255;
    const Image trimmed = trim_sprite(sprite, "sprite");
    CHECK(trimmed.width == 8);
    CHECK(trimmed.height == 19);
    CHECK(trimmed.at(7, 18)[3] == 255);
    const Image cat = decode_image(embedded_sprite().bytes, "cat");
    CHECK(trim_sprite(cat, "cat").pixels == cat.pixels);  // so that its box is the seed's: the whole image
    CHECK_THROWS_AS(trim_sprite(Image(5, 5, 4), "nothing to see"), Error);
    CHECK_THROWS_AS(trim_sprite(Image(5, 5, 3), "opaque"), Error);
}

}  // namespace objloc
