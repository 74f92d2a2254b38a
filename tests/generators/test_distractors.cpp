// Distractors that the program draws: each is its own picture, cut out, in colour.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "objloc/generators/distractors.h"

namespace objloc {
namespace {

double mean_alpha(const Image& image) {
    double sum = 0;
    for (size_t i = 3; i < image.pixels.size(); i += 4) sum += image.pixels[i];
    return sum / (255.0 * image.width * image.height);
}

}  // namespace

TEST_CASE("distractors depend on the seed and on their number alone") {
    const std::vector<Image> few = draw_distractors(3, 7), many = draw_distractors(40, 7),
                             others = draw_distractors(3, 8);
    std::set<std::string> different;
    for (const Image& image : many) different.emplace(image.pixels.begin(), image.pixels.end());
    CHECK(different.size() == many.size());
    for (size_t i = 0; i < few.size(); ++i) {
        CHECK(few[i].pixels == many[i].pixels);
        CHECK(few[i].pixels != others[i].pixels);
    }
}

TEST_CASE("distractors are cut out: opaque inside, nothing at the corners") {
    for (const Image& image : draw_distractors(64, 1)) {
        REQUIRE(image.channels == 4);
        CHECK(mean_alpha(image) > 0.02);
        CHECK(mean_alpha(image) < 0.9);
        uint8_t most = 0;
        for (size_t i = 3; i < image.pixels.size(); i += 4) most = std::max(most, image.pixels[i]);
        CHECK(most == 255);
    }
}

}  // namespace objloc
