// Resizing exactly as Pillow's Image.resize with its default filter, so that a sprite of 32 to 63 pixels has
// the same bytes here as in a program that draws its scenes with Pillow.
#pragma once

#include "objloc/generators/image.h"

namespace objloc {

/// Bicubic (a = -0.5), widened when shrinking so that it does not alias; RGBA is premultiplied before and
/// divided after. Equal to PIL.Image.resize((width, height)) of Pillow 9 to 13, bit for bit, for RGB and
/// RGBA. Throws Error when width or height is not in 1 .. kMaxImageSide.
Image resize(const Image& image, int width, int height);

}  // namespace objloc
