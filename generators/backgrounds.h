// The photographs that sprites are pasted on.
#pragma once

#include <string>
#include <vector>

#include "objloc/generators/augmentation.h"
#include "objloc/generators/image.h"

namespace objloc {

/// The middle square of an image, in three channels, resized to (side, side).
Image make_background(const Image& image, int side);

/// Backgrounds and what was passed over on the way.
struct BackgroundSet {
    std::vector<Image> images;         // (side, side, 3) each
    std::vector<std::string> skipped;  // files of a folder that are no PNG or JPEG, for the tool to mention
};

/// The middle squares of photographs, as load_photographs finds them; each gives `variety.backgrounds` of them.
BackgroundSet load_backgrounds(const std::vector<std::string>& paths, int side, bool held_out = false,
                               const Augmentation& variety = {});

}  // namespace objloc
