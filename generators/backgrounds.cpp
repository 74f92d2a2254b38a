#include "objloc/generators/backgrounds.h"

#include <algorithm>
#include <utility>

#include "objloc/generators/photographs.h"
#include "objloc/generators/resize.h"

namespace objloc {

Image make_background(const Image& image, int side) {
    const int square = std::min(image.width, image.height);
    const int left = (image.width - square) / 2, top = (image.height - square) / 2;
    return resize(to_rgb(crop(image, left, top, square, square)), side, side);
}

BackgroundSet load_backgrounds(const std::vector<std::string>& paths, int side, bool held_out,
                               const Augmentation& variety) {
    PhotographSet photographs = load_photographs(paths, held_out);
    BackgroundSet set;
    for (size_t i = 0; i < photographs.images.size(); ++i) {
        for (Image& cut :
             background_variants(photographs.images[i], side, variety.backgrounds, variety.seed, i)) {
            set.images.push_back(std::move(cut));
        }
    }
    set.skipped = std::move(photographs.skipped);
    return set;
}

}  // namespace objloc
