#include "objloc/generators/sprite_atlas.h"

#include <algorithm>

#include "objloc/engine/error.h"
#include "objloc/generators/resize.h"

namespace objloc {

namespace {

/// `size` for a side whose share of the longer one is `length / longest`, rounded to nearest, at least a
/// pixel.
int scaled(int size, int length, int longest) {
    return std::max(1, (2 * size * length + longest) / (2 * longest));
}

}  // namespace

Image trim_sprite(const Image& image, const std::string& where) {
    if (image.channels != 4) {
        throw Error(where, "a sprite needs transparency around the object, and this image has none",
                    "Cut the object out and save it as a PNG with an alpha channel.");
    }
    int left = image.width, top = image.height, right = 0, bottom = 0;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            if (image.at(x, y)[3] == 0) continue;
            left = std::min(left, x);
            right = std::max(right, x + 1);
            top = std::min(top, y);
            bottom = std::max(bottom, y + 1);
        }
    }
    if (right == 0) {
        throw Error(where, "every pixel of this sprite is transparent", "Save it with the object visible.");
    }
    return crop(image, left, top, right - left, bottom - top);
}

SpriteAtlas make_sprite_atlas(const std::vector<Image>& sprites, int side, int outputs) {
    SpriteAtlas atlas;
    for (const Image& sprite : sprites) {
        const bool square = outputs == 3;
        const int longest = std::max(sprite.width, sprite.height);
        const auto resized = [&](const Image& from, int size) {
            return resize(from, square ? size : scaled(size, sprite.width, longest),
                          square ? size : scaled(size, sprite.height, longest));
        };
        const Image largest = resized(sprite, side / 2);
        for (int size = side / 4; size < side / 2; ++size) {
            const Image image = resized(largest, size);
            atlas.entries.push_back({image.width, image.height, static_cast<int32_t>(atlas.rgba.size())});
            atlas.rgba.insert(atlas.rgba.end(), image.pixels.begin(), image.pixels.end());
        }
    }
    return atlas;
}

}  // namespace objloc
