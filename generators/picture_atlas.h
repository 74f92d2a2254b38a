// Pictures in one block of memory, each with smaller and smaller copies of itself, so that a kernel can draw them in
// any size.
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/kernels/localizer/composition.h"

namespace objloc {

struct PictureAtlas {
    std::vector<PictureEntry> entries;
    std::vector<uint8_t> pixels;  // premultiplied RGBA
};

/// Appends a picture, RGB or RGBA, with all its levels down to one pixel. One whose longer side exceeds `longest` is
/// made smaller first. Throws Error when the atlas grows beyond what 32 bits can number.
void add_picture(PictureAtlas& atlas, const Image& image, int longest, int32_t label);

}  // namespace objloc
