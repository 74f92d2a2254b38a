#include "objloc/generators/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"

namespace objloc {

namespace {

int to_pixels(float fraction, int side) {
    if (!std::isfinite(fraction)) return 0;
    return static_cast<int>(std::lround(std::clamp(fraction, -1.0f, 2.0f) * static_cast<float>(side)));
}

void fill_rectangle(Image& image, int left, int top, int right, int bottom, const Colour& colour) {
    for (int y = std::max(top, 0); y < std::min(bottom, image.height); ++y) {
        for (int x = std::max(left, 0); x < std::min(right, image.width); ++x) {
            std::copy_n(colour.data(), 3, image.at(x, y));
        }
    }
}

}  // namespace

PixelBox pixel_box(const float* box, int outputs, int image_width, int image_height) {
    return {to_pixels(box[0], image_width), to_pixels(box[1], image_height), to_pixels(box[2], image_width),
            to_pixels(box[outputs == 4 ? 3 : 2], image_height)};
}

void draw_box(Image& image, const PixelBox& box, const Colour& colour, int thickness) {
    const int left = box.x, top = box.y, right = box.x + box.width, bottom = box.y + box.height;
    fill_rectangle(image, left, top, right, std::min(top + thickness, bottom), colour);
    fill_rectangle(image, left, std::max(bottom - thickness, top), right, bottom, colour);
    fill_rectangle(image, left, top, std::min(left + thickness, right), bottom, colour);
    fill_rectangle(image, std::max(right - thickness, left), top, right, bottom, colour);
}

Image image_sheet(const std::vector<Image>& images, int columns, int gap) {
    if (images.empty() || columns < 1) throw Error("image sheet", "there is nothing to show");
    const int count = static_cast<int>(images.size());
    columns = std::min(columns, count);
    const int rows = (count + columns - 1) / columns, width = images[0].width, height = images[0].height;
    Image sheet(columns * (width + gap) + gap, rows * (height + gap) + gap, 3);
    std::fill(sheet.pixels.begin(), sheet.pixels.end(), uint8_t{96});
    for (int i = 0; i < count; ++i) {
        const Image image = to_rgb(images[static_cast<size_t>(i)]);
        if (image.width != width || image.height != height) {
            throw Error("image sheet", fmt::format("picture {} is {} x {}, the first is {} x {}", i,
                                                   image.width, image.height, width, height));
        }
        const int left = gap + i % columns * (width + gap), top = gap + i / columns * (height + gap);
        for (int y = 0; y < height; ++y) std::copy_n(image.at(0, y), 3 * width, sheet.at(left, top + y));
    }
    return sheet;
}

Image enlarge(const Image& image, int factor) {
    if (factor < 1) throw Error("enlarge", fmt::format("a factor of {} makes no picture", factor));
    Image large(image.width * factor, image.height * factor, image.channels);
    for (int y = 0; y < large.height; ++y) {
        for (int x = 0; x < large.width; ++x) {
            std::copy_n(image.at(x / factor, y / factor), image.channels, large.at(x, y));
        }
    }
    return large;
}

}  // namespace objloc
