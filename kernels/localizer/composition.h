// Compositions: synthetic scenes that resemble photographs. Each image shows a part of a photograph as background, the
// object (or none) at a random size, rotation and lighting, distractors behind and in front of it, and camera effects:
// blur, noise, compression. Training draws a new one for each example.
// Sources: Dwibedi, Misra, Hebert, "Cut, paste and learn", ICCV 2017; Tobin et al., "Domain randomization", IROS 2017.
//
// This header holds the data types: the source pictures, the ranges of all random factors, and the plan of one image.
// composition_plan.h draws a plan; composition_pixels.h and composition_camera.h render it. They are plain functions
// shared by the CPU and the CUDA kernels, so that every backend draws the same bits.
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

/// A uniform distribution. Where a name ends in _log2, of the base-2 logarithm of the factor.
struct Range {
    float low, high;
};

/// The ranges of all random factors. Chances are probabilities from 0 to 1; lengths are fractions of the picture's
/// shorter side.
struct CompositionSpec {
    int32_t side = 128;   // pixels of the square image; a picture of another shape lies between grey bars
    int32_t objects = 0;  // number of atlas pictures that show objects; they come first
    int32_t others = 0;   // number of distractor pictures; they come next
    int32_t places = 0;   // number of background photographs; they come last
    uint64_t seed = 0;
    uint32_t stream = 0;  // random stream: different streams never share images
    Preprocess preprocess = Preprocess::unit;
    float strength = 1;  // scales all distortions below, but not sizes and counts; 0 gives plain pictures
    int64_t ramp =
        0;  // number of images over which the strength rises from kFirstStrength * strength to strength

    // ---- Counts ----
    float absent = 0.12f;    // chance of a picture without an object
    float several = 0.15f;   // chance of a second object
    float clutter = 0.5f;    // chance of each of four distractors behind the objects
    float occluded = 0.25f;  // chance of a distractor in front of an object

    // ---- Geometry ----
    Range aspect_log2 = {-0.85f, 0.85f};  // the picture's width over its height; 16:9 is 0.83
    Range size_log2 = {-3.8f, -0.03f};    // the object's longer side
    Range stretch_log2 = {-0.4f, 0.4f};   // the object's width over its height, times its own
    float turned = 0.6f;                  // chance of a rotation by any angle; else by at most kUpright
    float mirrored = 0.5f;
    float perspective = 0.12f;     // how much closer to the camera one edge is than the centre
    float truncated = 0.4f;        // chance that the picture's edge cuts the object
    Range zoom_log2 = {-2.5f, 0};  // side of the part of the photograph that is shown

    // ---- Light and colour of the object, the place and the whole picture ----
    float harmonised = 0.3f;  // chance that the object's mean colour moves towards the background's
    Range object_gain_log2 = {-1.8f, 0.7f}, place_gain_log2 = {-1.2f, 0.5f}, picture_gain_log2 = {-2, 0.5f};
    Range cast_log2 = {-0.8f, 0.8f};  // of each channel
    Range contrast = {0.2f, 1.4f};
    float relit = 0.5f, recoloured = 0.4f, grey = 0.2f,
          flat = 0.35f;  // chances of: a gain; a colour cast and hue; no colour; another contrast

    // ---- Camera ----
    float blurred = 0.3f, noisy = 0.5f, compressed = 0.25f;
    float noise = 18;  // largest standard deviation, in bytes
};

constexpr float kFirstStrength = 0.3f;
constexpr int32_t kMaxObjects = 2;
/// Fields of an object in the truth (N, kMaxObjects, kTruthFields): the box (x, y, w, h) of its visible part in
/// fractions of the image's side; its class; its state.
constexpr int32_t kTruthFields = 6;
/// The state. An object that is hardly visible is ignored: the loss counts it neither as present nor as absent.
constexpr float kObjectPresent = 1, kObjectAbsent = 0, kObjectIgnored = -1;

/// A colour map: out[i] = sum over j of matrix[i][j] * in[j] + offset[i], channels in bytes.
struct ColourMap {
    float matrix[3][3], offset[3];
};

/// How a layer blends: with the picture's alpha; with alpha cut at one half; with an eroded alpha; with a blurred one.
enum class LayerEdge : int32_t { plain, hard, thin, soft };
/// The outline of a layer: the picture's own alpha, or a rectangle or ellipse cut out of the picture.
enum class LayerShape : int32_t { picture, rectangle, ellipse };

/// One picture drawn into the image. A pixel at (dx, dy) from (x, y) shows the level-0 texel
///     (u, v) = (dot(across, (dx, dy)), dot(down, (dx, dy))) / q + middle,  q = 1 + dot(tilt, (dx, dy)).
struct CompositionLayer {
    int32_t picture, object;           // index in the atlas; index of the object, or -1 for a distractor
    int32_t left, top, right, bottom;  // pixels outside are not touched
    LayerEdge edge;
    LayerShape shape;
    int32_t level;
    float x, y, across[2], down[2], tilt[2], middle[2];
    float extent[2];  // half the width and height of the part shown, in texels
    ColourMap colour;
};

constexpr int32_t kMaxLayers = 8;
constexpr int32_t kBlurReach = 3, kBlurTaps = 2 * kBlurReach + 1;

struct CompositionPlan {
    int32_t left, top, right, bottom;  // pixels of the picture; the rest of the image is grey bars
    int32_t layers;
    CompositionLayer place;  // the photograph
    CompositionLayer layer[kMaxLayers];
    ColourMap colour;                            // of the whole picture
    float tone_bias, tone_contrast, tone_pivot;  // tone_value
    int32_t blurred;
    int32_t blur[kBlurTaps][kBlurTaps];  // sums to kBlurOne
    float noise;
    uint32_t noise_seed;
    float compression;  // factor of JPEG's quantisation steps; 0: not compressed
    int32_t label[kMaxObjects];
    float whole[kMaxObjects];  // pixels of the object without occlusion and truncation; 0: no such object
};

constexpr int32_t kBlurOne = 256;
constexpr uint8_t kBar = 114;  // grey level of the bars

}  // namespace objloc
