// Draws the plan of one composition: every factor at random, in a fixed order, so that image `index` is the same on
// every backend. composition.h describes the plan.
#pragma once

#include "objloc/kernels/localizer/composition_math.h"

namespace objloc {

constexpr float kUpright = 0.04f;  // usual largest rotation to either side, in turns: 14 degrees

// ---- Light and colour ---------------------------------------------------------------------------------------------

/// Gain, hue and saturation of one layer.
OBJLOC_HOST_DEVICE inline ColourMap plan_colours(const CompositionSpec& spec, CompositionRandom& random,
                                                 const Range& gain_log2, float any_hue) {
    ColourMap map = same_colours();
    if (random.often(spec.recoloured)) {
        const float turns = random.often(any_hue) ? random.around(0.5f) : random.around(0.04f);
        map = after(saturation(1 + random.within({-0.7f, 0.5f})), hue(turns));
    }
    const float gain = random.often(spec.relit) ? random.within(gain_log2) : random.around(0.25f);
    const float factor = exp2_of(gain);
    return after(gains(factor, factor, factor), map);
}

OBJLOC_HOST_DEVICE inline ColourMap plan_picture_colours(const CompositionSpec& spec,
                                                         CompositionRandom& random) {
    ColourMap map = plan_colours(spec, random, spec.picture_gain_log2, 0);
    if (random.often(spec.recoloured)) {
        const float red = random.within(spec.cast_log2), green = random.within(spec.cast_log2) / 2,
                    blue = random.within(spec.cast_log2);
        map = after(gains(exp2_of(red), exp2_of(green), exp2_of(blue)), map);
    }
    if (random.often(spec.grey)) map = after(saturation(0), map);
    return map;
}

OBJLOC_HOST_DEVICE inline void plan_tone(const CompositionSpec& spec, CompositionRandom& random,
                                         CompositionPlan& plan) {
    plan.tone_bias = 0.5f + random.around(0.2f);
    plan.tone_contrast = random.often(spec.flat) ? random.between(spec.contrast) : 1;
    plan.tone_pivot = 0.5f + random.around(0.3f);
}

/// Mean colour and mean alpha of a picture, from its smallest level; in bytes.
struct MeanColour {
    float channel[3], alpha;
};
OBJLOC_HOST_DEVICE inline MeanColour mean_colour(const PictureEntry& entry, const uint8_t* atlas) {
    int32_t pixel = entry.first;
    for (int32_t l = 0; l + 1 < entry.levels; ++l) {
        const int32_t width = entry.width >> l, height = entry.height >> l;
        pixel += (width > 1 ? width : 1) * (height > 1 ? height : 1);
    }
    const uint8_t* at = atlas + int64_t{4} * pixel;
    MeanColour mean{};
    for (int c = 0; c < 3; ++c) mean.channel[c] = at[c];
    mean.alpha = at[3];
    return mean;
}

/// Moves the object's mean colour by `share` towards the background's: a cheap substitute for Poisson blending, so that
/// the network does not learn to find the seam.
OBJLOC_HOST_DEVICE inline ColourMap harmonised(const ColourMap& colour, const MeanColour& object,
                                               const MeanColour& place, float share) {
    ColourMap map = colour;
    if (object.alpha < 1) return map;
    for (int i = 0; i < 3; ++i) {
        map.offset[i] += share * (place.channel[i] - object.channel[i] * 255 / object.alpha);
    }
    return map;
}

// ---- Geometry -------------------------------------------------------------------------------------------------------

/// Pose of a layer: its centre and its size before rotation in pixels, its rotation in turns, its tilt.
struct LayerPose {
    float x, y, width, height, turns, tilt_x, tilt_y;
    bool mirrored;
};

/// Half the size of a layer's axis-aligned bounding box, in pixels.
struct HalfExtent {
    float x, y;
};
OBJLOC_HOST_DEVICE inline HalfExtent half_extent(const LayerPose& pose) {
    const Direction by = direction(pose.turns);
    const float c = fabsf(by.cosine), s = fabsf(by.sine), near = 1 - fabsf(pose.tilt_x) - fabsf(pose.tilt_y);
    return {(c * pose.width + s * pose.height) / (2 * near), (s * pose.width + c * pose.height) / (2 * near)};
}

OBJLOC_HOST_DEVICE inline int32_t level_for(float texels_per_pixel, const PictureEntry& entry) {
    int32_t level = 0;
    for (; texels_per_pixel > 1.5f && level + 1 < entry.levels; ++level) texels_per_pixel *= 0.5f;
    return level;
}

/// A layer that shows `texels_x` by `texels_y` texels around (`u`, `v`) in this pose, clipped to the plan's picture.
OBJLOC_HOST_DEVICE inline CompositionLayer posed(const CompositionPlan& plan, const PictureEntry& entry,
                                                 const LayerPose& pose, float u, float v, float texels_x,
                                                 float texels_y) {
    CompositionLayer layer{};
    const Direction by = direction(pose.turns);
    const float across = texels_x / pose.width * (pose.mirrored ? -1.f : 1.f), down = texels_y / pose.height;
    layer.across[0] = by.cosine * across, layer.across[1] = by.sine * across;
    layer.down[0] = -by.sine * down, layer.down[1] = by.cosine * down;
    layer.x = pose.x, layer.y = pose.y;
    const HalfExtent half = half_extent(pose);
    layer.tilt[0] = pose.tilt_x / half.x, layer.tilt[1] = pose.tilt_y / half.y;
    layer.middle[0] = u, layer.middle[1] = v;
    layer.extent[0] = texels_x / 2, layer.extent[1] = texels_y / 2;
    const auto edge = [](float at, int32_t low, int32_t high) {
        return static_cast<int32_t>(clamped(at, static_cast<float>(low), static_cast<float>(high)));
    };
    layer.left = edge(floorf(pose.x - half.x) - 1, plan.left, plan.right);
    layer.right = edge(pose.x + half.x + 2, plan.left, plan.right);
    layer.top = edge(floorf(pose.y - half.y) - 1, plan.top, plan.bottom);
    layer.bottom = edge(pose.y + half.y + 2, plan.top, plan.bottom);
    layer.level = level_for(sqrtf(texels_x * texels_y / (pose.width * pose.height)), entry);
    layer.colour = same_colours();
    layer.object = -1;
    return layer;
}

/// Uniform in low .. high; where high < low, near their mean.
OBJLOC_HOST_DEVICE inline float placed(CompositionRandom& random, float low, float high) {
    const float share = random.unit();
    if (low <= high) return low + (high - low) * share;
    return (low + high) / 2 + (low - high) / 2 * (2 * share - 1) * 0.5f;
}

/// The centre of a layer of which the fraction `share` lies beyond one of the two edges.
OBJLOC_HOST_DEVICE inline float beyond_edge(CompositionRandom& random, float low, float high, float half,
                                            float share) {
    const float inside = half * (1 - 2 * share);
    return random.chance(0.5f) ? low + inside : high - inside;
}

OBJLOC_HOST_DEVICE inline LayerPose object_pose(const CompositionSpec& spec, CompositionRandom& random,
                                                const CompositionPlan& plan, const PictureEntry& entry,
                                                float size) {
    const float longer = static_cast<float>(entry.width > entry.height ? entry.width : entry.height);
    const float stretch = exp2_of(random.within(spec.stretch_log2) / 2);
    LayerPose pose{};
    pose.width = size * static_cast<float>(entry.width) / longer * stretch;
    pose.height = size * static_cast<float>(entry.height) / longer / stretch;
    pose.turns = random.often(spec.turned) ? random.around(0.5f) : random.around(kUpright);
    pose.mirrored = random.often(spec.mirrored);
    pose.tilt_x = random.around(spec.perspective);
    pose.tilt_y = random.around(spec.perspective);
    const HalfExtent half = half_extent(pose);
    const bool truncated = random.often(spec.truncated);
    const int32_t edges = random.below(3);  // that cut it: 0 left or right, 1 top or bottom, 2 one of each
    const float share = random.between({0.1f, edges == 2 ? 0.4f : 0.6f});
    const auto left = static_cast<float>(plan.left), right = static_cast<float>(plan.right),
               top = static_cast<float>(plan.top), bottom = static_cast<float>(plan.bottom);
    pose.x = placed(random, left + half.x, right - half.x);
    pose.y = placed(random, top + half.y, bottom - half.y);
    if (truncated && edges != 1) pose.x = beyond_edge(random, left, right, half.x, share);
    if (truncated && edges != 0) pose.y = beyond_edge(random, top, bottom, half.y, share);
    return pose;
}

// ---- Layers -------------------------------------------------------------------------------------------------------

struct CompositionPictures {
    const PictureEntry* entries;  // objects, others, places
    const uint8_t* atlas;
};

OBJLOC_HOST_DEVICE inline float shorter_side(const CompositionPlan& plan) {
    const int32_t width = plan.right - plan.left, height = plan.bottom - plan.top;
    return static_cast<float>(width < height ? width : height);
}

/// The picture's frame: as wide or as high as the image.
OBJLOC_HOST_DEVICE inline void plan_frame(const CompositionSpec& spec, CompositionRandom& random,
                                          CompositionPlan& plan) {
    const float aspect = exp2_of(random.between(spec.aspect_log2)), side = static_cast<float>(spec.side);
    const int32_t width = aspect < 1 ? static_cast<int32_t>(side * aspect + 0.5f) : spec.side;
    const int32_t height = aspect < 1 ? spec.side : static_cast<int32_t>(side / aspect + 0.5f);
    plan.left = (spec.side - width) / 2, plan.right = plan.left + width;
    plan.top = (spec.side - height) / 2, plan.bottom = plan.top + height;
}

/// The background: a part of a photograph that fills the picture.
OBJLOC_HOST_DEVICE inline void plan_place(const CompositionSpec& spec, const CompositionPictures& pictures,
                                          CompositionRandom& random, CompositionPlan& plan) {
    const int32_t which = spec.objects + spec.others + random.below(spec.places);
    const PictureEntry entry = pictures.entries[which];
    const auto width = static_cast<float>(plan.right - plan.left),
               height = static_cast<float>(plan.bottom - plan.top);
    const auto whole_x = static_cast<float>(entry.width), whole_y = static_cast<float>(entry.height);
    const float fit_x = whole_x / width, fit_y = whole_y / height;
    const float texels = (fit_x < fit_y ? fit_x : fit_y) * exp2_of(random.within(spec.zoom_log2));
    const float shown_x = texels * width, shown_y = texels * height;
    LayerPose pose{};
    pose.x = static_cast<float>(plan.left) + width / 2, pose.y = static_cast<float>(plan.top) + height / 2;
    pose.width = width, pose.height = height;
    pose.mirrored = random.often(spec.mirrored);
    const float u = placed(random, shown_x / 2, whole_x - shown_x / 2),
                v = placed(random, shown_y / 2, whole_y - shown_y / 2);
    plan.place = posed(plan, entry, pose, u, v, shown_x, shown_y);
    plan.place.picture = which;
    plan.place.left = plan.left, plan.place.right = plan.right;
    plan.place.top = plan.top, plan.place.bottom = plan.bottom;
    plan.place.colour = plan_colours(spec, random, spec.place_gain_log2, 0.3f);
}

/// Adds a distractor: one of the distractor pictures, or a piece of a photograph.
OBJLOC_HOST_DEVICE inline void add_other(const CompositionSpec& spec, const CompositionPictures& pictures,
                                         CompositionRandom& random, CompositionPlan& plan, float x, float y,
                                         float size) {
    const bool thing = random.chance(spec.others > 0 ? 0.6f : 0.f);
    const int32_t which = spec.objects + (thing ? random.below(spec.others > 0 ? spec.others : 1)
                                                : spec.others + random.below(spec.places));
    const PictureEntry entry = pictures.entries[which];
    LayerPose pose = object_pose(spec, random, plan, entry, size);
    pose.x = x, pose.y = y;
    const float share = thing ? 1 : exp2_of(random.between({-3, -0.3f}));
    const float shown_x = share * static_cast<float>(entry.width),
                shown_y = share * static_cast<float>(entry.height);
    const float u = placed(random, shown_x / 2, static_cast<float>(entry.width) - shown_x / 2),
                v = placed(random, shown_y / 2, static_cast<float>(entry.height) - shown_y / 2);
    CompositionLayer layer = posed(plan, entry, pose, u, v, shown_x, shown_y);
    layer.picture = which;
    const int32_t shape = 1 + random.below(2), edge = random.below(4);
    layer.shape = thing ? LayerShape::picture : static_cast<LayerShape>(shape);
    layer.edge = static_cast<LayerEdge>(edge);
    layer.colour = plan_colours(spec, random, spec.object_gain_log2, 0.3f);
    plan.layer[plan.layers++] = layer;
}

OBJLOC_HOST_DEVICE inline void add_clutter(const CompositionSpec& spec, const CompositionPictures& pictures,
                                           CompositionRandom& random, CompositionPlan& plan) {
    for (int i = 0; i < 4; ++i) {
        const bool there = random.often(spec.clutter);
        const float x = placed(random, static_cast<float>(plan.left), static_cast<float>(plan.right)),
                    y = placed(random, static_cast<float>(plan.top), static_cast<float>(plan.bottom)),
                    size = shorter_side(plan) * exp2_of(random.between(spec.size_log2));
        if (there) add_other(spec, pictures, random, plan, x, y, size);
    }
}

OBJLOC_HOST_DEVICE inline void add_object(const CompositionSpec& spec, const CompositionPictures& pictures,
                                          CompositionRandom& random, CompositionPlan& plan, int32_t object) {
    const int32_t which = random.below(spec.objects);
    const PictureEntry entry = pictures.entries[which];
    const float size = shorter_side(plan) * exp2_of(random.between(spec.size_log2));
    const LayerPose pose = object_pose(spec, random, plan, entry, size);
    CompositionLayer layer =
        posed(plan, entry, pose, static_cast<float>(entry.width) / 2, static_cast<float>(entry.height) / 2,
              static_cast<float>(entry.width), static_cast<float>(entry.height));
    layer.picture = which;
    layer.object = object;
    layer.edge = static_cast<LayerEdge>(random.below(4));
    layer.colour = plan_colours(spec, random, spec.object_gain_log2, 0);
    const float share = random.often(spec.harmonised) ? random.within({0.1f, 0.5f}) : 0;
    layer.colour = harmonised(layer.colour, mean_colour(entry, pictures.atlas),
                              mean_colour(pictures.entries[plan.place.picture], pictures.atlas), share);
    plan.label[object] = entry.label;
    plan.whole[object] = static_cast<float>(entry.visible) * pose.width * pose.height /
                         (static_cast<float>(entry.width) * static_cast<float>(entry.height));
    plan.layer[plan.layers++] = layer;
}

/// Adds a distractor in front of the last object, over its outline.
OBJLOC_HOST_DEVICE inline void add_occluder(const CompositionSpec& spec, const CompositionPictures& pictures,
                                            CompositionRandom& random, CompositionPlan& plan) {
    const CompositionLayer object = plan.layer[plan.layers - 1];
    const auto width = static_cast<float>(object.right - object.left),
               height = static_cast<float>(object.bottom - object.top);
    const Direction towards = direction(random.unit());
    const float away = random.between({0.25f, 0.5f});
    const float size = (width > height ? width : height) * random.between({0.3f, 0.7f});
    const float x = static_cast<float>(object.left) + width / 2 + away * width * towards.cosine,
                y = static_cast<float>(object.top) + height / 2 + away * height * towards.sine;
    add_other(spec, pictures, random, plan, x, y, size > 2 ? size : 2);
}

// ---- Camera -------------------------------------------------------------------------------------------------------

/// Weights of a blur: a smooth disc for a camera out of focus, or a line for a moving camera.
OBJLOC_HOST_DEVICE inline void plan_blur(CompositionRandom& random, CompositionPlan& plan) {
    const bool moved = random.chance(0.4f);
    const float reach = random.between({0.8f, 3.4f});
    const Direction along = direction(random.unit());
    float weight[kBlurTaps][kBlurTaps], sum = 0;
    for (int32_t row = 0; row < kBlurTaps; ++row) {
        for (int32_t column = 0; column < kBlurTaps; ++column) {
            const auto down = static_cast<float>(row - kBlurReach),
                       right = static_cast<float>(column - kBlurReach);
            const float on = fabsf(right * along.cosine + down * along.sine),
                        off = fabsf(down * along.cosine - right * along.sine),
                        left = 1 - (right * right + down * down) / (reach * reach);
            const float line = on < reach ? clamped(1 - off, 0, 1) : 0, disc = left > 0 ? left * left : 0;
            weight[row][column] = moved ? line : disc;
            sum += weight[row][column];
        }
    }
    int32_t rest = kBlurOne;
    for (int32_t row = 0; row < kBlurTaps; ++row) {
        for (int32_t column = 0; column < kBlurTaps; ++column) {
            plan.blur[row][column] = static_cast<int32_t>(weight[row][column] / sum * kBlurOne);
            rest -= plan.blur[row][column];
        }
    }
    plan.blur[kBlurReach][kBlurReach] += rest;
}

OBJLOC_HOST_DEVICE inline void plan_camera(const CompositionSpec& spec, CompositionRandom& random,
                                           CompositionPlan& plan) {
    plan.blurred = random.often(spec.blurred) ? 1 : 0;
    plan_blur(random, plan);
    const bool noisy = random.often(spec.noisy), compressed = random.often(spec.compressed);
    const float noise = random.unit(), steps = random.between({0.3f, 2});
    plan.noise = noisy ? spec.noise * noise * noise : 0;
    plan.noise_seed = random.word();
    plan.compression = compressed ? steps : 0;
}

/// The plan of image `index`.
OBJLOC_HOST_DEVICE inline CompositionPlan plan_composition(const CompositionSpec& spec,
                                                           const CompositionPictures& pictures,
                                                           uint64_t index) {
    CompositionRandom random(spec, index);
    CompositionPlan plan{};
    plan_frame(spec, random, plan);
    plan_place(spec, pictures, random, plan);
    add_clutter(spec, pictures, random, plan);
    const float count = random.unit();
    const int32_t objects = count < spec.absent ? 0 : count < spec.absent + spec.several ? 2 : 1;
    for (int32_t object = 0; object < objects; ++object) {
        add_object(spec, pictures, random, plan, object);
        if (random.often(spec.occluded)) add_occluder(spec, pictures, random, plan);
    }
    plan.colour = plan_picture_colours(spec, random);
    plan_tone(spec, random, plan);
    plan_camera(spec, random, plan);
    return plan;
}

}  // namespace objloc
