// What landscapes are made of: sky, hills, trees, grass, water.
#pragma once

#include "tools/make_assets/paint.h"

namespace objloc::paint {

/// Dark, middle and light tones of one thing; `tone` 0 .. 1 runs through them.
struct Palette {
    Colour dark, middle, light;

    Colour at(float tone) const {
        return tone < 0.5f ? mix(dark, middle, clamp01(2 * tone)) : mix(middle, light, clamp01(2 * tone - 1));
    }
};

// Palettes that several views share.
inline constexpr Palette kGrass = {{0.13f, 0.23f, 0.06f}, {0.33f, 0.49f, 0.14f}, {0.62f, 0.73f, 0.30f}};
inline constexpr Palette kLeaves = {{0.06f, 0.13f, 0.05f}, {0.19f, 0.36f, 0.11f}, {0.50f, 0.63f, 0.24f}};
inline constexpr Palette kFir = {{0.03f, 0.08f, 0.06f}, {0.09f, 0.20f, 0.13f}, {0.24f, 0.38f, 0.22f}};
inline constexpr Palette kBark = {{0.13f, 0.10f, 0.08f}, {0.32f, 0.25f, 0.19f}, {0.53f, 0.45f, 0.36f}};

/// From the zenith to the horizon at height `horizon`, with clouds drawn out towards it. `cover` 0 .. 1.
void sky(Canvas& canvas, Colour zenith, Colour low, Colour cloud, float horizon, float cover, uint32_t seed);

/// A line of hills: everything below base - height * noise(x * bumps), with mottled tones of the palette.
void hills(Canvas& canvas, float base, float height, float bumps, const Palette& palette, float mottle,
           uint32_t seed);

/// A crown of leaves, lit from above left; `leaf` is the size of a dab.
void crown(Canvas& canvas, Random& random, Point centre, Point radii, const Palette& palette, float leaf,
           int leaves);

/// Trunk, boughs and a crown of several clumps; `foot` is where it stands.
void tree(Canvas& canvas, Random& random, Point foot, float height, const Palette& leaves,
          const Palette& bark);

/// A fir: tiers of drooping needles round a straight stem.
void fir(Canvas& canvas, Random& random, Point foot, float height, const Palette& needles, float snow = 0);

/// Blades from the horizon at `top` to the bottom, longer and sparser as they come nearer.
void grass(Canvas& canvas, Random& random, float top, const Palette& palette, float blade, int blades);

/// Small dabs scattered over the ground below `top`, larger as they come nearer: flowers, leaves, stones.
void scatter(Canvas& canvas, Random& random, float top, const std::vector<Colour>& colours, float size,
             int count);

/// Coordinates on flat ground under the point at, for a horizon at `top`: x across, y into the distance.
Point ground(Point at, float top, float middle);

}  // namespace objloc::paint
