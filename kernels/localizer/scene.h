// What a scene is, to the bit: where the object lies, and the colour of each pixel. Plain functions that the
// CPU and the CUDA kernels share, so that both draw the same images and boxes. Distributions: those of the
// seed, https://medium.com/analytics-vidhya/object-localization-using-keras-d78d6810d0be
#pragma once

#include <cmath>
#include <cstdint>

#include "objloc/engine/philox.h"

namespace objloc {

/// A white disc on black; the sprite's RGB pasted on black without its mask; the sprite pasted with its mask
/// over a photograph.
enum class SceneKind : int32_t { blob, cat, natural };

/// How a network sees a byte: as a fraction in [0,1] and RGB, as the seed does; or as
/// keras.applications.vgg16's preprocess_input, BGR minus ImageNet's means.
enum class Preprocess : int32_t { unit, caffe };

/// Everything that decides image `index` of a scene, besides the pictures. Sizes in pixels.
struct SceneSpec {
    SceneKind kind = SceneKind::blob;
    int32_t side = 128;
    int32_t outputs = 3;  // 3: (x, y, size); 4: (x, y, width, height)
    int32_t sprites = 0;  // entries of the atlas: each look of the sprite in each size
    int32_t backgrounds = 0;
    uint64_t seed = 0;
    uint32_t stream = 0;  // training, held-out and so on never share images
    Preprocess preprocess = Preprocess::unit;
};

/// One size of the sprite in the atlas: RGBA bytes, row-major, from `offset` on.
struct SpriteEntry {
    int32_t width, height, offset;
};

/// Where the object lies. A blob is the disc inscribed in the square (x, y, width, height).
struct ScenePlacement {
    int32_t x, y, width, height;
    int32_t radius;          // blob only
    int32_t sprite = 0;      // index of the atlas entry
    int32_t background = 0;  // index of the photograph
};

/// The blob's centre lies in [8, 120) and its radius in [4, distance of the centre to the nearest border),
/// for the seed's side of 128; other sides scale the constants.
OBJLOC_HOST_DEVICE inline ScenePlacement place_blob(const SceneSpec& spec, uint64_t index) {
    const Philox4 random = philox_at(spec.seed, spec.stream, index, 0);
    const int32_t margin = spec.side / 16;
    const int32_t column = randint(random.word[0], margin, spec.side - margin);
    const int32_t row = randint(random.word[1], margin, spec.side - margin);
    const int32_t nearest = column < row ? column : row, farthest = column < row ? row : column;
    const int32_t border = spec.side - farthest < nearest ? spec.side - farthest : nearest;
    const int32_t radius = randint(random.word[2], spec.side / 32, border);
    return {column - radius, row - radius, 2 * radius, 2 * radius, radius};
}

/// The sprite's size is one of the atlas's, its corner lies in [1, side - size).
OBJLOC_HOST_DEVICE inline ScenePlacement place_sprite(const SceneSpec& spec, const SpriteEntry* sprites,
                                                      uint64_t index) {
    const Philox4 random = philox_at(spec.seed, spec.stream, index, 0);
    const int32_t sprite = randint(random.word[0], 0, spec.sprites);
    const SpriteEntry size = sprites[sprite];
    const int32_t x = randint(random.word[1], 1, spec.side - size.width);
    const int32_t y = randint(random.word[2], 1, spec.side - size.height);
    const int32_t background = spec.backgrounds > 0 ? randint(random.word[3], 0, spec.backgrounds) : 0;
    return {x, y, size.width, size.height, 0, sprite, background};
}

OBJLOC_HOST_DEVICE inline ScenePlacement place(const SceneSpec& spec, const SpriteEntry* sprites,
                                               uint64_t index) {
    return spec.kind == SceneKind::blob ? place_blob(spec, index) : place_sprite(spec, sprites, index);
}

/// Output `o` of the box: fractions of the image side, x to the right, y down.
OBJLOC_HOST_DEVICE inline float box_fraction(const SceneSpec& spec, const ScenePlacement& at, int32_t o) {
    const int32_t pixels = o == 0 ? at.x : o == 1 ? at.y : o == 2 ? at.width : at.height;
    return static_cast<float>(pixels) / static_cast<float>(spec.side);
}

/// `front` over `back` with an 8-bit mask, rounded as Pillow's Image.paste rounds.
OBJLOC_HOST_DEVICE inline uint8_t blend(uint8_t back, uint8_t front, uint8_t mask) {
    const uint32_t sum = uint32_t{back} * (255u - mask) + uint32_t{front} * mask + 128u;
    return static_cast<uint8_t>(((sum >> 8) + sum) >> 8);
}

/// Channel `c` of pixel (row, column), 0..255. `atlas` holds the sprites, `backgrounds` (B, side, side, 3).
OBJLOC_HOST_DEVICE inline uint8_t scene_pixel(const SceneSpec& spec, const ScenePlacement& at,
                                              const SpriteEntry* sprites, const uint8_t* atlas,
                                              const uint8_t* backgrounds, int32_t row, int32_t column,
                                              int32_t c) {
    if (spec.kind == SceneKind::blob) {
        const int32_t down = row - (at.y + at.radius), right = column - (at.x + at.radius);
        return down * down + right * right < at.radius * at.radius ? 255 : 0;
    }
    uint8_t back = 0;
    if (spec.kind == SceneKind::natural) {
        const int64_t pixel = (int64_t{at.background} * spec.side + row) * spec.side + column;
        back = backgrounds[pixel * 3 + c];
    }
    const int32_t down = row - at.y, right = column - at.x;
    if (down < 0 || right < 0 || down >= at.height || right >= at.width) return back;
    const uint8_t* sprite = atlas + sprites[at.sprite].offset + 4 * (down * at.width + right);
    return spec.kind == SceneKind::cat ? sprite[c] : blend(back, sprite[c], sprite[3]);
}

/// The byte channel that the network's channel `c` is made from.
OBJLOC_HOST_DEVICE inline int32_t source_channel(Preprocess preprocess, int32_t c) {
    return preprocess == Preprocess::caffe ? 2 - c : c;
}

/// What the network sees in its channel `c` for a byte of `source_channel(preprocess, c)`.
OBJLOC_HOST_DEVICE inline float network_value(Preprocess preprocess, uint8_t byte, int32_t c) {
    if (preprocess == Preprocess::unit) return static_cast<float>(byte) / 255.0f;
    const float mean = c == 0 ? 103.939f : c == 1 ? 116.779f : 123.68f;  // blue, green, red over ImageNet
    return static_cast<float>(byte) - mean;
}

/// The byte that `network_value` made, for showing what the network saw.
inline uint8_t network_byte(Preprocess preprocess, float value, int32_t c) {
    const float byte =
        preprocess == Preprocess::unit ? value * 255.0f : value - network_value(preprocess, 0, c);
    return static_cast<uint8_t>(std::lround(byte));
}

/// Channel `c` of pixel (row, column) as `draw_scenes` writes it.
OBJLOC_HOST_DEVICE inline float scene_value(const SceneSpec& spec, const ScenePlacement& at,
                                            const SpriteEntry* sprites, const uint8_t* atlas,
                                            const uint8_t* backgrounds, int32_t row, int32_t column,
                                            int32_t c) {
    const int32_t source = source_channel(spec.preprocess, c);
    return network_value(spec.preprocess,
                         scene_pixel(spec, at, sprites, atlas, backgrounds, row, column, source), c);
}

}  // namespace objloc
