// Marks on pictures: box outlines, sheets of many pictures, enlargement.
#pragma once

#include <array>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc {

using Colour = std::array<uint8_t, 3>;

/// A box in pixels: its top-left corner and extents.
struct PixelBox {
    int x = 0, y = 0, width = 0, height = 0;
};

/// A box given in fractions of the image's sides: (x, y, size) for `outputs` 3, (x, y, width, height) for 4.
/// Values that are not finite count as 0, since an untrained model may predict them.
PixelBox pixel_box(const float* box, int outputs, int image_width, int image_height);

/// Draws the outline of `box`, `thickness` pixels inwards from its border; what lies outside the image is cut
/// off.
void draw_box(Image& image, const PixelBox& box, const Colour& colour, int thickness = 1);

/// Pictures of equal size side by side, row after row, `columns` in each, with a grey gap of `gap` pixels.
Image image_sheet(const std::vector<Image>& images, int columns, int gap = 2);

/// Each pixel becomes a square of `factor` pixels.
Image enlarge(const Image& image, int factor);

}  // namespace objloc
