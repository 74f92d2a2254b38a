// Compositions: scenes like life. A picture of any shape shows a photograph as its place, the object in any size, turn
// and light or not at all, other things behind and in front of it, and what a camera adds. Drawn without end for
// training. Source: Dwibedi, Misra, Hebert, "Cut, paste and learn", ICCV 2017; Tobin et al., "Domain randomization",
// IROS 2017.
//
// This header is the data: what a composition is drawn from, what may vary, and the plan of one image. How a plan is
// made is in composition_plan.h, how its pixels are drawn in composition_pixels.h and composition_camera.h; both are
// plain functions that the CPU and the CUDA kernels share, so that every backend draws the same bits.
#pragma once

#include <cstdint>

#include "objloc/kernels/localizer/scene.h"

namespace objloc {

/// A picture of the atlas: premultiplied RGBA bytes, level after level, each half the size of the one before.
struct PictureEntry {
    int32_t width, height;  // of level 0; level l has max(1, width >> l) by max(1, height >> l)
    int32_t levels;
    int32_t first;    // pixel of the atlas where level 0 begins
    int32_t label;    // class of an object, from 0
    int32_t visible;  // pixels of level 0 that are more opaque than not
};

/// Uniform between both; where a name says log2, of the logarithm.
struct Range {
    float low, high;
};

/// What may vary, and how much. Chances are probabilities, lengths shares of the picture's shorter side.
struct CompositionSpec {
    int32_t side = 128;   // of the square image, which holds a picture of any shape between bars
    int32_t objects = 0;  // pictures of the atlas that are objects, then
    int32_t others = 0;   // pictures of other things, then
    int32_t places = 0;   // photographs
    uint64_t seed = 0;
    uint32_t stream = 0;  // training, held-out and so on never share images
    Preprocess preprocess = Preprocess::unit;
    float strength = 1;  // of all that follows but sizes and counts: 0 is a plain picture
    int64_t ramp = 0;    // images over which it rises from kFirstStrength of itself to all of it

    // ---- Counts ----
    float absent = 0.12f;    // chance of a picture without an object
    float several = 0.15f;   // chance of a second object
    float clutter = 0.5f;    // chance of each of four other things behind the objects
    float occluded = 0.25f;  // chance of a thing in front of an object

    // ---- Geometry ----
    Range aspect_log2 = {-0.85f, 0.85f};  // the picture's width over its height; 16:9 is 0.83
    Range size_log2 = {-3.8f, -0.03f};    // the object's longer side
    Range stretch_log2 = {-0.4f, 0.4f};   // the object's width over its height, times its own
    float turned = 0.6f;                  // chance of any turn at all; else up to kUpright
    float mirrored = 0.5f;
    float perspective = 0.12f;     // how much nearer one edge is than the middle
    float truncated = 0.3f;        // chance that a part of it lies outside of the picture
    Range zoom_log2 = {-2.5f, 0};  // of the photograph: which part of it is the place

    // ---- Light and colour of the object, the place and the whole picture ----
    float harmonised = 0.3f;  // chance that the object takes on some of the place's mean colour
    Range object_gain_log2 = {-1.8f, 0.7f}, place_gain_log2 = {-1.2f, 0.5f}, picture_gain_log2 = {-2, 0.5f};
    Range cast_log2 = {-0.8f, 0.8f};  // of each channel
    Range contrast = {0.2f, 1.4f};
    float relit = 0.5f, recoloured = 0.4f, grey = 0.2f,
          flat = 0.35f;  // chances: gain; cast and hue; no colour; contrast

    // ---- Camera ----
    float blurred = 0.3f, noisy = 0.5f, compressed = 0.25f;
    float noise = 18;  // largest standard deviation, in bytes
};

constexpr float kFirstStrength = 0.3f;
constexpr int32_t kMaxObjects = 2;
/// Of an object's row in the truth (N, kMaxObjects, kTruthFields): (x, y, w, h) in fractions of the image's side,
/// the visible part alone; its class; and its state.
constexpr int32_t kTruthFields = 6;
/// An object that is hardly visible is neither: nobody should learn it, or that it is absent.
constexpr float kObjectPresent = 1, kObjectAbsent = 0, kObjectIgnored = -1;

/// A colour map: out[i] = sum over j of matrix[i][j] * in[j] + offset[i], channels in bytes.
struct ColourMap {
    float matrix[3][3], offset[3];
};

/// How a layer's alpha is taken: as the picture has it; cut at one half; grown thin; from a coarse level, soft.
enum class LayerEdge : int32_t { plain, hard, thin, soft };
/// What of a picture a layer shows: its own alpha; or a part of it in this outline.
enum class LayerShape : int32_t { picture, rectangle, ellipse };

/// A picture in a picture. From pixel to level-0 texel: (u, v) = (across * (dx, dy), down * (dx, dy)) / q + middle,
/// (dx, dy) from (x, y), q = 1 + tilt * (dx, dy).
struct CompositionLayer {
    int32_t picture, object;           // which object it is, or -1
    int32_t left, top, right, bottom;  // pixels outside are not touched
    LayerEdge edge;
    LayerShape shape;
    int32_t level;
    float x, y, across[2], down[2], tilt[2], middle[2];
    float extent[2];  // half of what it shows, in texels; for shapes
    ColourMap colour;
};

constexpr int32_t kMaxLayers = 8;
constexpr int32_t kBlurReach = 3, kBlurTaps = 2 * kBlurReach + 1;

struct CompositionPlan {
    int32_t left, top, right, bottom;  // the picture; what is left of the image are bars
    int32_t layers;
    CompositionLayer place;  // the photograph
    CompositionLayer layer[kMaxLayers];
    ColourMap colour;                            // of the whole picture
    float tone_bias, tone_contrast, tone_pivot;  // tone_value
    int32_t blurred;
    int32_t blur[kBlurTaps][kBlurTaps];  // sums to kBlurOne
    float noise;
    uint32_t noise_seed;
    float compression;  // 0, or what the steps of quantisation are multiplied by
    int32_t label[kMaxObjects];
    float whole[kMaxObjects];  // pixels that would be visible if nothing hid them; 0: no such object
};

constexpr int32_t kBlurOne = 256;
constexpr uint8_t kBar = 114;  // the grey of bars

}  // namespace objloc
