// The cat's coat: rounded parts, lit from above, and covered hair by hair.
#pragma once

#include "tools/make_assets/paint.h"

namespace objloc::paint {

inline constexpr Colour kGinger = {0.86f, 0.53f, 0.22f}, kStripe = {0.60f, 0.29f, 0.09f},
                        kWhite = {0.97f, 0.94f, 0.89f};
inline constexpr Colour kPale = {0.95f, 0.76f, 0.50f}, kPink = {0.90f, 0.56f, 0.53f},
                        kDark = {0.13f, 0.07f, 0.04f};

/// The cat is drawn around (0, 0), from about -1 to 1; this places it on the canvas.
inline constexpr float kScale = 0.44f;
inline constexpr Point kOrigin = {0.46f, 0.5f};
inline Point to_cat(Point canvas) {
    return (canvas - kOrigin) * (1 / kScale);
}
inline Point to_canvas(Point cat) {
    return cat * kScale + kOrigin;
}

using Scalar = std::function<float(Point)>;
using Paint = std::function<Colour(Point)>;

/// A part of the body, as functions of the place on the cat.
struct Part {
    Scalar distance;     // signed, negative inside
    Paint colour;        // before light
    Scalar combed;       // hairs lie along its slope
    float roundness;     // how far from the edge the surface still bends
    float hair = 0.07f;  // length
    int hairs = 5000;
    float shadow = 0.35f;                  // strength of the shadow on what lies behind
    float grows_from = -9, grown_at = -8;  // heights between which it comes out of what lies behind

    float presence(Point at) const { return smoothstep(grows_from, grown_at, at.y); }
};

/// Paints a part over those behind it, on which it casts a soft shadow.
void add(Canvas& canvas, const Part& part, uint64_t seed);

/// Soft-edged bands across `along`, broken up as a tabby's are; 0 .. 1.
float bands(float along, Point at, float count, uint32_t seed);
/// The coat's colour, `striped` 0 .. 1.
Colour ginger(Point at, float striped, uint32_t seed);

/// Head and body, each with all its parts.
void paint_body(Canvas& canvas);
void paint_head(Canvas& canvas);

}  // namespace objloc::paint
