// Scenes, from the random words (w0, w1, w2, w3) of image i on; written from the seed's description alone, so
// that a mistake in kernels/localizer/scene.h shows. D[low, high) of a word: low + floor(word * (high - low) / 2^32).
//   blob    column D[side/16, side - side/16) of w0, row the same of w1;
//           radius D[side/32, distance of the centre to the nearest border) of w2
//           a pixel is white when (row - centre)^2 + (column - centre)^2 < radius^2
//   sprite  size D[0, sizes) of w0, x D[1, side - width) of w1, y D[1, side - height) of w2,
//           background D[0, backgrounds) of w3; cat pastes RGB on black, natural blends by alpha over the
//           photograph
//   box     (x, y, width[, height]) / side, x the column; images (N, side, side, 3) = byte / 255,
//           or for `caffe` the bytes of (blue, green, red) less ImageNet's means, as Keras's preprocess_input
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "objloc/kernels/localizer/scene.h"
#include "objloc/kernels/reference/array.h"

namespace objloc::reference {

struct ScenePictures {
    std::vector<SpriteEntry> sprites;
    std::vector<uint8_t> atlas;        // RGBA
    std::vector<uint8_t> backgrounds;  // (B, side, side, 3)
};

inline int draw_integer(uint32_t word, int low, int high) {
    return low + static_cast<int>(std::floor(static_cast<double>(word) * (high - low) / 4294967296.0));
}

/// Pillow's Image.paste of one channel: (back * (255 - mask) + front * mask) / 255, by its rounding.
inline int paste(int back, int front, int mask) {
    const int t = back * (255 - mask) + front * mask + 128;
    return ((t >> 8) + t) >> 8;
}

struct Scene {
    Array image;                 // (side, side, 3), bytes 0..255
    double x, y, width, height;  // pixels
};

inline Scene draw_blob(int side, const Philox4& random) {
    const int column = draw_integer(random.word[0], side / 16, side - side / 16);
    const int row = draw_integer(random.word[1], side / 16, side - side / 16);
    const int nearest = std::min({column, row, side - column, side - row});
    const int radius = draw_integer(random.word[2], side / 32, nearest);
    Scene scene{Array({side, side, 3}), 1.0 * column - radius, 1.0 * row - radius, 2.0 * radius,
                2.0 * radius};
    for (int i = 0; i < side * side * 3; ++i) {
        const int down = i / 3 / side - row, right = i / 3 % side - column;
        scene.image[i] = down * down + right * right < radius * radius ? 255 : 0;
    }
    return scene;
}

inline Scene draw_sprite(const SceneSpec& spec, const ScenePictures& pictures, const Philox4& random) {
    const int side = spec.side, sizes = static_cast<int>(pictures.sprites.size());
    const SpriteEntry size = pictures.sprites[static_cast<size_t>(draw_integer(random.word[0], 0, sizes))];
    const int x = draw_integer(random.word[1], 1, side - size.width);
    const int y = draw_integer(random.word[2], 1, side - size.height);
    Scene scene{Array({side, side, 3}), 1.0 * x, 1.0 * y, 1.0 * size.width, 1.0 * size.height};
    if (spec.kind == SceneKind::natural) {
        const int background = draw_integer(random.word[3], 0, spec.backgrounds);
        const auto* photograph = pictures.backgrounds.data() + background * side * side * 3;
        std::copy(photograph, photograph + side * side * 3, scene.image.values.begin());
    }
    for (int row = 0; row < size.height; ++row) {
        for (int column = 0; column < size.width; ++column) {
            const uint8_t* rgba = pictures.atlas.data() + size.offset + (row * size.width + column) * 4;
            for (int c = 0; c < 3; ++c) {
                double& pixel = scene.image[((y + row) * side + x + column) * 3 + c];
                const int mask = spec.kind == SceneKind::cat ? 255 : rgba[3];
                pixel = paste(static_cast<int>(pixel), rgba[c], mask);
            }
        }
    }
    return scene;
}

/// What a network sees of a pixel's channel `c`; `rgb` are its bytes.
inline double seen(Preprocess preprocess, const double* rgb, int c) {
    if (preprocess == Preprocess::unit) return rgb[c] / 255;
    constexpr float kMeans[] = {103.939f, 116.779f, 123.68f};  // of blue, green, red
    return rgb[2 - c] - double{kMeans[c]};
}

inline void draw_scenes(const SceneSpec& spec, const ScenePictures& pictures, uint64_t first_index,
                        Array& images, Array& boxes) {
    const int64_t values = int64_t{spec.side} * spec.side * 3;
    for (int64_t n = 0; n < images.shape[0]; ++n) {
        const Philox4 random = philox_at(spec.seed, spec.stream, first_index + static_cast<uint64_t>(n), 0);
        const Scene scene =
            spec.kind == SceneKind::blob ? draw_blob(spec.side, random) : draw_sprite(spec, pictures, random);
        for (int64_t i = 0; i < values; ++i) {
            const double* rgb = scene.image.values.data() + (i - i % 3);
            images[n * values + i] = seen(spec.preprocess, rgb, static_cast<int>(i % 3));
        }
        const double box[] = {scene.x, scene.y, scene.width, scene.height};
        for (int64_t o = 0; o < spec.outputs; ++o) boxes.at(n, o) = box[o] / spec.side;
    }
}

}  // namespace objloc::reference
