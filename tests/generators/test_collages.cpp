// Collages: what they are made of, and what they depend on.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "objloc/generators/collages.h"

namespace objloc {
namespace {

Image plain(int width, int height, int channels, uint8_t value) {
    Image image(width, height, channels);
    std::fill(image.pixels.begin(), image.pixels.end(), value);
    return image;
}

}  // namespace

TEST_CASE("collages are opaque pictures, each its own, the same for equal seeds") {
    const std::vector<Image> photographs = {plain(40, 30, 3, 90), plain(1, 1, 3, 200), plain(300, 7, 4, 20)};
    const std::vector<Image> collages = make_collages(photographs, 4, 5);
    std::set<std::string> different;
    for (const Image& collage : collages) {
        CHECK(collage.channels == 3);
        CHECK(collage.width == 384);
        CHECK(collage.height == 384);
        different.emplace(collage.pixels.begin(), collage.pixels.end());
    }
    CHECK(different.size() == 4);
    CHECK(make_collages(photographs, 2, 5)[1].pixels == collages[1].pixels);
    CHECK(make_collages(photographs, 1, 6)[0].pixels != collages[0].pixels);
}

TEST_CASE("most of a collage comes from the photographs") {
    // A photograph of pure red gives pieces without green and blue; patterns of pure red are rare.
    Image red(8, 8, 3);
    for (size_t i = 0; i < red.pixels.size(); i += 3) red.pixels[i] = 180;
    int from_photograph = 0, all = 0;
    for (const Image& collage : make_collages({red}, 3, 1)) {
        for (size_t i = 0; i < collage.pixels.size(); i += 3, ++all)
            from_photograph +=
                collage.pixels[i] > 40 && collage.pixels[i + 1] == 0 && collage.pixels[i + 2] == 0;
    }
    CHECK(from_photograph > 0.5 * all);
    CHECK(from_photograph < 0.95 * all);
}

}  // namespace objloc
