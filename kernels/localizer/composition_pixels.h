// Renders the pixels of a composition before the camera effects: the background, the layers from back to front, and the
// lighting of the whole picture. composition.h describes the plan.
#pragma once

#include "objloc/kernels/localizer/composition_math.h"

namespace objloc {

/// Premultiplied, in bytes.
struct Texel {
    float channel[3], alpha;
};

/// One level of a picture.
struct PictureLevel {
    const uint8_t* pixels;  // (height, width, 4)
    int32_t width, height;
    float scale_x, scale_y;  // of level 0's texels
};

OBJLOC_HOST_DEVICE inline PictureLevel picture_level(const PictureEntry& entry, const uint8_t* atlas,
                                                     int32_t level) {
    int64_t pixel = entry.first;
    PictureLevel result{nullptr, entry.width, entry.height, 1, 1};
    for (int32_t l = 0; l < level; ++l) {
        pixel += int64_t{result.width} * result.height;
        result.width = entry.width >> (l + 1) > 1 ? entry.width >> (l + 1) : 1;
        result.height = entry.height >> (l + 1) > 1 ? entry.height >> (l + 1) : 1;
    }
    result.pixels = atlas + 4 * pixel;
    result.scale_x = static_cast<float>(result.width) / static_cast<float>(entry.width);
    result.scale_y = static_cast<float>(result.height) / static_cast<float>(entry.height);
    return result;
}

/// Bilinear, at level 0's (u, v). Beyond the border: the border's texel if `extended`, else nothing.
OBJLOC_HOST_DEVICE inline Texel sample(const PictureLevel& level, float u, float v, bool extended) {
    const float x = u * level.scale_x - 0.5f, y = v * level.scale_y - 0.5f;
    const float column = floorf(x), row = floorf(y), right = x - column, below = y - row;
    const auto first_column = static_cast<int32_t>(column), first_row = static_cast<int32_t>(row);
    const float weight[4] = {(1 - right) * (1 - below), right * (1 - below), (1 - right) * below,
                             right * below};
    Texel sum{};
    for (int tap = 0; tap < 4; ++tap) {
        int32_t at_column = first_column + tap % 2, at_row = first_row + tap / 2;
        if (at_column < 0 || at_row < 0 || at_column >= level.width || at_row >= level.height) {
            if (!extended) continue;
            at_column = at_column < 0 ? 0 : at_column < level.width ? at_column : level.width - 1;
            at_row = at_row < 0 ? 0 : at_row < level.height ? at_row : level.height - 1;
        }
        const uint8_t* texel = level.pixels + 4 * (int64_t{at_row} * level.width + at_column);
        for (int c = 0; c < 3; ++c) sum.channel[c] += weight[tap] * static_cast<float>(texel[c]);
        sum.alpha += weight[tap] * static_cast<float>(texel[3]);
    }
    return sum;
}

/// Applies a colour map. Premultiplied channels are clamped to 0 .. alpha.
OBJLOC_HOST_DEVICE inline void recolour(const ColourMap& map, Texel& texel) {
    const float share = texel.alpha / 255;
    float mapped[3];
    for (int i = 0; i < 3; ++i) {
        mapped[i] = map.matrix[i][0] * texel.channel[0] + map.matrix[i][1] * texel.channel[1] +
                    map.matrix[i][2] * texel.channel[2] + map.offset[i] * share;
    }
    for (int i = 0; i < 3; ++i) texel.channel[i] = clamped(mapped[i], 0, texel.alpha);
}

/// Level-0 texel under a pixel's middle.
struct TexelPlace {
    float u, v;
};
OBJLOC_HOST_DEVICE inline TexelPlace texel_place(const CompositionLayer& layer, int32_t row, int32_t column) {
    const float dx = static_cast<float>(column) + 0.5f - layer.x,
                dy = static_cast<float>(row) + 0.5f - layer.y;
    const float near = 1 + (layer.tilt[0] * dx + layer.tilt[1] * dy);
    return {(layer.across[0] * dx + layer.across[1] * dy) / near + layer.middle[0],
            (layer.down[0] * dx + layer.down[1] * dy) / near + layer.middle[1]};
}

/// The factor by which the layer's kind of edge changes a sampled alpha.
OBJLOC_HOST_DEVICE inline float edge_factor(LayerEdge edge, float alpha, float soft_alpha) {
    if (alpha <= 0) return 0;
    if (edge == LayerEdge::hard) return alpha >= 127.5f ? 255 / alpha : 0;
    if (edge == LayerEdge::thin) return clamped(2 * alpha - 255, 0, 255) / alpha;
    if (edge == LayerEdge::soft) return clamped(2 * soft_alpha - 255, 0, 255) / 255;
    return 1;
}

/// The texel of a layer at a pixel; alpha is 0 outside of the layer.
OBJLOC_HOST_DEVICE inline Texel layer_texel(const CompositionLayer& layer, const PictureEntry& entry,
                                            const uint8_t* atlas, int32_t row, int32_t column) {
    const TexelPlace at = texel_place(layer, row, column);
    const float across = (at.u - layer.middle[0]) / layer.extent[0],
                down = (at.v - layer.middle[1]) / layer.extent[1];
    const bool is_picture = layer.shape == LayerShape::picture;
    const bool outside = layer.shape == LayerShape::ellipse ? across * across + down * down > 1
                                                            : fabsf(across) > 1.2f || fabsf(down) > 1.2f;
    if (outside || (layer.shape == LayerShape::rectangle && (fabsf(across) > 1 || fabsf(down) > 1)))
        return {};
    Texel texel = sample(picture_level(entry, atlas, layer.level), at.u, at.v, !is_picture);
    if (!is_picture) {
        recolour(layer.colour, texel);
        return texel;
    }
    float soft_alpha = 0;
    if (layer.edge == LayerEdge::soft && texel.alpha > 0) {
        const int32_t coarse = layer.level + 2 < entry.levels ? layer.level + 2 : entry.levels - 1;
        soft_alpha = sample(picture_level(entry, atlas, coarse), at.u, at.v, false).alpha;
    }
    const float factor = edge_factor(layer.edge, texel.alpha, soft_alpha);
    for (float& channel : texel.channel) channel *= factor;
    texel.alpha *= factor;
    recolour(layer.colour, texel);
    return texel;
}

/// A byte after the picture's tone curve: Schlick's bias in place of a power, then contrast about a pivot.
/// Source: Schlick, "Fast alternatives to Perlin's bias and gain functions", Graphics Gems IV, 1994.
OBJLOC_HOST_DEVICE inline float tone_value(const CompositionPlan& plan, float value) {
    const float x = clamped(value / 255, 0, 1);
    const float biased = x / ((1 / plan.tone_bias - 2) * (1 - x) + 1);
    return 255 * clamped((biased - plan.tone_pivot) * plan.tone_contrast + plan.tone_pivot, 0, 1);
}

struct CompositionPixel {
    uint8_t channel[3];
    int32_t object;  // index of the visible object, or -1
};

OBJLOC_HOST_DEVICE inline uint8_t to_byte(float value) {
    return static_cast<uint8_t>(static_cast<int32_t>(clamped(value, 0, 255) + 0.5f));
}

OBJLOC_HOST_DEVICE inline bool in_picture(const CompositionPlan& plan, int32_t row, int32_t column) {
    return row >= plan.top && row < plan.bottom && column >= plan.left && column < plan.right;
}

/// The pixel before the camera effects.
OBJLOC_HOST_DEVICE inline CompositionPixel composition_pixel(const CompositionPlan& plan,
                                                             const PictureEntry* entries,
                                                             const uint8_t* atlas, int32_t row,
                                                             int32_t column) {
    if (!in_picture(plan, row, column)) return {{kBar, kBar, kBar}, -1};
    const TexelPlace at = texel_place(plan.place, row, column);
    Texel sum = sample(picture_level(entries[plan.place.picture], atlas, plan.place.level), at.u, at.v, true);
    sum.alpha = 255;
    recolour(plan.place.colour, sum);
    int32_t object = -1;
    for (int32_t l = 0; l < plan.layers; ++l) {
        const CompositionLayer& layer = plan.layer[l];
        if (row < layer.top || row >= layer.bottom || column < layer.left || column >= layer.right) continue;
        const Texel front = layer_texel(layer, entries[layer.picture], atlas, row, column);
        const float through = 1 - front.alpha / 255;
        for (int c = 0; c < 3; ++c) sum.channel[c] = sum.channel[c] * through + front.channel[c];
        if (front.alpha >= 127.5f) object = layer.object;
    }
    sum.alpha = 255;
    recolour(plan.colour, sum);
    CompositionPixel pixel{{0, 0, 0}, object};
    for (int c = 0; c < 3; ++c) pixel.channel[c] = to_byte(tone_value(plan, sum.channel[c]));
    return pixel;
}

// ---- Truth --------------------------------------------------------------------------------------------------------

/// The visible part of an object: bounds and number of its pixels.
struct ObjectExtent {
    int32_t left, top, right, bottom, pixels;  // right and bottom are exclusive
};

constexpr float kLeastVisible = 0.25f;  // an object is ignored when less than this share of it is visible
constexpr int32_t kLeastPixels = 12;

/// Writes the row of an object, kTruthFields floats.
OBJLOC_HOST_DEVICE inline void write_truth(const CompositionPlan& plan, int32_t side, int32_t object,
                                           const ObjectExtent& extent, float* row) {
    for (int32_t f = 0; f < kTruthFields; ++f) row[f] = 0;
    row[5] = kObjectAbsent;
    if (plan.whole[object] <= 0 || extent.pixels == 0) return;
    const auto scale = static_cast<float>(side);
    row[0] = static_cast<float>(extent.left) / scale, row[1] = static_cast<float>(extent.top) / scale;
    row[2] = static_cast<float>(extent.right - extent.left) / scale;
    row[3] = static_cast<float>(extent.bottom - extent.top) / scale;
    row[4] = static_cast<float>(plan.label[object]);
    const bool hidden = extent.pixels < kLeastPixels ||
                        static_cast<float>(extent.pixels) < kLeastVisible * plan.whole[object];
    row[5] = hidden ? kObjectIgnored : kObjectPresent;
}

}  // namespace objloc
