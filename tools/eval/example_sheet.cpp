#include "tools/eval/example_sheet.h"

#include <algorithm>
#include <cmath>

#include "objloc/generators/drawing.h"
#include "objloc/generators/resize.h"
#include "tools/common/pictures.h"

namespace objloc {
namespace {

constexpr int kTile = 256, kColumns = 4;

void mark(Image& image, const Box& box, const Example& example, const Colour& colour) {
    const Box fractions = scaled(box, 1.0 / example.width, 1.0 / example.height);
    const float values[] = {static_cast<float>(fractions.x), static_cast<float>(fractions.y),
                            static_cast<float>(fractions.width), static_cast<float>(fractions.height)};
    draw_box(image, pixel_box(values, 4, image.width, image.height), colour, 2);
}

/// The picture, as large as fits, in the middle of a black square.
Image tile(const Image& picture, const Example& example) {
    const double scale = static_cast<double>(kTile) / std::max(picture.width, picture.height);
    const auto fitted = [&](int length) {
        return std::max(1, static_cast<int>(std::lround(scale * length)));
    };
    Image image = resize(picture, fitted(picture.width), fitted(picture.height));
    mark(image, example.truth, example, kTruthColour);
    mark(image, example.predicted, example, kPredictedColour);
    Image square(kTile, kTile, 3);
    const int left = (kTile - image.width) / 2, top = (kTile - image.height) / 2;
    for (int y = 0; y < image.height; ++y)
        std::copy_n(image.at(0, y), 3 * image.width, square.at(left, top + y));
    return square;
}

}  // namespace

Image example_sheet(const std::vector<size_t>& indices, const ExampleSet& set) {
    std::vector<Image> tiles;
    for (const size_t i : indices) tiles.push_back(tile(set.picture(i), set.examples[i]));
    return image_sheet(tiles, kColumns);
}

}  // namespace objloc
