#include "objloc/generators/picture_atlas.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "objloc/engine/error.h"
#include "objloc/generators/resize.h"

namespace objloc {
namespace {

Image shrunk(const Image& image, int longest) {
    const int longer = std::max(image.width, image.height);
    if (longer <= longest) return image;
    const auto scaled = [&](int side) {
        return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * longest / longer)));
    };
    return resize(image, scaled(image.width), scaled(image.height));
}

Image premultiplied(const Image& image) {
    Image result(image.width, image.height, 4);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const uint8_t* from = image.at(x, y);
            uint8_t* to = result.at(x, y);
            to[3] = image.channels == 4 ? from[3] : 255;
            for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>((from[c] * to[3] + 127) / 255);
        }
    }
    return result;
}

/// Half the size: each pixel is the mean of the four, or of those that there are, in its place.
Image halved(const Image& image) {
    Image result(std::max(1, image.width / 2), std::max(1, image.height / 2), 4);
    for (int y = 0; y < result.height; ++y) {
        for (int x = 0; x < result.width; ++x) {
            const int right = std::min(2 * x + 1, image.width - 1),
                      below = std::min(2 * y + 1, image.height - 1);
            for (int c = 0; c < 4; ++c) {
                const int sum = image.at(2 * x, 2 * y)[c] + image.at(right, 2 * y)[c] +
                                image.at(2 * x, below)[c] + image.at(right, below)[c];
                result.at(x, y)[c] = static_cast<uint8_t>((sum + 2) / 4);
            }
        }
    }
    return result;
}

int32_t opaque_pixels(const Image& image) {
    int32_t count = 0;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) count += image.at(x, y)[3] >= 128 ? 1 : 0;
    }
    return count;
}

}  // namespace

void add_picture(PictureAtlas& atlas, const Image& image, int longest, int32_t label) {
    Image level = premultiplied(shrunk(image, longest));
    const size_t first = atlas.pixels.size() / 4;
    if (first + 2 * level.pixels.size() / 4 > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
        throw Error("pictures", "they take more than 8 GB", "Use fewer backgrounds, or a smaller --side.");
    }
    PictureEntry entry{level.width, level.height,        1, static_cast<int32_t>(first),
                       label,       opaque_pixels(level)};
    atlas.pixels.insert(atlas.pixels.end(), level.pixels.begin(), level.pixels.end());
    for (; level.width > 1 || level.height > 1; ++entry.levels) {
        level = halved(level);
        atlas.pixels.insert(atlas.pixels.end(), level.pixels.begin(), level.pixels.end());
    }
    atlas.entries.push_back(entry);
}

}  // namespace objloc
