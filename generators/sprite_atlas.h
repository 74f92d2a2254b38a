// The sprite in every size that a scene may show it in, made once and kept beside the kernel that pastes it.
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/kernels/localizer/scene.h"

namespace objloc {

struct SpriteAtlas {
    std::vector<SpriteEntry> entries;  // of each sprite its sizes, smallest first
    std::vector<uint8_t> rgba;
};

/// `image` without its fully transparent margins, so that the box fits the object. `where` names it in
/// errors. Throws Error when it has no alpha channel or nothing in it is visible.
Image trim_sprite(const Image& image, const std::string& where);

/// Each sprite in the sizes side / 4 up to side / 2, end-exclusive: 32 to 63 pixels for a side of 128. As in
/// the seed a sprite is first made side / 2 and that is made smaller. `outputs` 3 squeezes it into a square;
/// 4 keeps its proportions, the longer side being the size. Sprites have four channels.
SpriteAtlas make_sprite_atlas(const std::vector<Image>& sprites, int side, int outputs);

}  // namespace objloc
