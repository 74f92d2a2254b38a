// Other looks of a sprite and other cuts of a photograph.
#include "objloc/generators/augmentation.h"

#include <doctest/doctest.h>

#include "objloc/generators/backgrounds.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/scene_generator.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

/// A picture in which every pixel differs from every other.
Image gradient_picture(int width, int height, int channels) {
    Image image(width, height, channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            uint8_t* pixel = image.at(x, y);
            pixel[0] = static_cast<uint8_t>(x);
            pixel[1] = static_cast<uint8_t>(y);
            pixel[2] = 200;
            if (channels == 4) pixel[3] = 255;
        }
    }
    return image;
}

double sum_of_channel(const Image& image, int c) {
    double sum = 0;
    for (size_t i = static_cast<size_t>(c); i < image.pixels.size(); i += static_cast<size_t>(image.channels))
        sum += image.pixels[i];
    return sum;
}

}  // namespace

TEST_CASE("mirrored exchanges left and right, twice is nothing") {
    const Image image = gradient_picture(7, 3, 3), other = mirrored(image);
    CHECK(other.at(0, 2)[0] == 6);
    CHECK(other.at(6, 1)[1] == 1);
    CHECK(mirrored(other).pixels == image.pixels);
}

TEST_CASE("rotated: no turn keeps every byte, quarter turns move them, any turn keeps what is visible") {
    const Image image = gradient_picture(9, 5, 4);
    CHECK(rotated(image, 0).pixels == image.pixels);
    const Image quarter = rotated(image, 90);
    REQUIRE(quarter.width == 5);
    REQUIRE(quarter.height == 9);
    // Counterclockwise: the right end of the first row comes to the top left.
    CHECK(quarter.at(0, 0)[0] == 8);
    CHECK(quarter.at(0, 0)[1] == 0);
    CHECK(quarter.at(4, 8)[0] == 0);
    CHECK(quarter.at(4, 8)[1] == 4);
    const Image tilted = rotated(gradient_picture(60, 40, 4), 15);
    // Opacity is spread, not lost: rounding of some two thousand pixels.
    CHECK(sum_of_channel(tilted, 3) == doctest::Approx(60 * 40 * 255).epsilon(0.005));
}

TEST_CASE("brightened scales colours, stops at white and leaves transparency alone") {
    Image image(2, 1, 4);
    image.pixels = {100, 200, 10, 128, 0, 255, 3, 0};
    CHECK(brightened(image, 1.5).pixels == std::vector<uint8_t>{150, 255, 15, 128, 0, 255, 5, 0});
}

TEST_CASE("blurred spreads opacity and does not let invisible colours bleed") {
    Image image(21, 21, 4);
    for (size_t i = 0; i < image.pixels.size(); i += 4) image.pixels[i + 1] = 255;  // invisible green
    uint8_t* middle = image.at(10, 10);
    middle[0] = 250, middle[1] = 0, middle[2] = 0, middle[3] = 255;
    const Image soft = blurred(image, 1.5);
    CHECK(soft.at(10, 10)[3] < 255);
    CHECK(soft.at(12, 10)[3] > 0);
    CHECK(soft.at(12, 10)[3] == soft.at(8, 10)[3]);
    CHECK(soft.at(12, 10)[3] == soft.at(10, 12)[3]);
    CHECK(soft.at(12, 10)[0] == 250);
    CHECK(soft.at(12, 10)[1] == 0);
    CHECK(blurred(image, 0).pixels == image.pixels);
}

TEST_CASE("variants: the first is the picture itself, a seed repeats, seeds and photographs differ") {
    const Image cat = decode_image(embedded_sprite().bytes, "cat");
    const auto looks = sprite_variants(cat, 4, 1);
    REQUIRE(looks.size() == 4);
    CHECK(looks[0].pixels == cat.pixels);
    CHECK(looks[1].pixels != looks[2].pixels);
    CHECK(sprite_variants(cat, 4, 1)[3].pixels == looks[3].pixels);
    CHECK(sprite_variants(cat, 4, 2)[3].pixels != looks[3].pixels);
    for (const Image& look : looks) {  // trimmed: something is visible in the outer columns
        double edge = 0;
        for (int y = 0; y < look.height; ++y) edge += look.at(0, y)[3] + look.at(look.width - 1, y)[3];
        CHECK(edge > 0);
    }
    const Image photograph = gradient_picture(200, 120, 3);
    const auto cuts = background_variants(photograph, 64, 5, 1, 0);
    REQUIRE(cuts.size() == 5);
    CHECK(cuts[0].pixels == make_background(photograph, 64).pixels);
    for (size_t i = 0; i < cuts.size(); ++i) {
        CHECK(cuts[i].width == 64);
        CHECK(cuts[i].height == 64);
        CHECK(cuts[i].channels == 3);
        for (size_t j = 0; j < i; ++j) CHECK(cuts[i].pixels != cuts[j].pixels);
    }
    CHECK(background_variants(photograph, 64, 5, 1, 1)[4].pixels != cuts[4].pixels);
    CHECK(background_variants(gradient_picture(1, 1, 3), 32, 3, 1, 0).size() == 3);
}

TEST_CASE("a scene with variety has all its looks in the atlas and keeps the sizes") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        SceneSpec spec;
        spec.kind = SceneKind::natural;
        const SceneGenerator plain(*backend, spec);
        SceneSources sources;
        sources.variety = {3, 4, 7};
        const SceneGenerator varied(*backend, spec, sources);
        REQUIRE(varied.spec().sprites == 3 * plain.spec().sprites);
        CHECK(varied.spec().backgrounds == 4 * plain.spec().backgrounds);
        std::vector<int32_t> entries(static_cast<size_t>(3 * varied.spec().sprites));
        backend->download(varied.assets().sprites, entries.data());
        std::vector<int> of_size(64, 0);
        for (size_t i = 0; i < entries.size(); i += 3) ++of_size.at(static_cast<size_t>(entries[i]));
        for (size_t size = 32; size < 64; ++size) CHECK(of_size[size] == 3);
    }
}

}  // namespace objloc
