#include "tools/make_assets/nature.h"

#include <algorithm>

namespace objloc::paint {

Point ground(Point at, float top, float middle) {
    const float depth = 1 / std::max(at.y - top, 0.012f);
    return {(at.x - middle) * depth, depth};
}

void sky(Canvas& canvas, Colour zenith, Colour low, Colour cloud, float horizon, float cover, uint32_t seed) {
    canvas.shade([&](Point at) {
        const float height = clamp01((horizon - at.y) / std::max(horizon, 0.01f));
        const Colour clear = mix(low, zenith, std::pow(height, 0.7f));
        const float distance = 1 / (height + 0.35f);
        const Point ceiling = {(at.x - 0.5f) * distance * 3 + 7, distance * 5};
        const float thick = 0.5f + 0.62f * fractal(ceiling, 5, seed);
        const float above = 0.5f + 0.62f * fractal(ceiling + Point{0.10f, 0.22f}, 4, seed);  // what shades it
        const float here = smoothstep(1 - cover, 1.25f - cover, thick);
        const Colour lit = mix(cloud, mix(cloud, zenith, 0.5f) * 0.80f, clamp01(above * 1.1f - 0.25f));
        return mix(clear, lit, 0.92f * here);
    });
}

void hills(Canvas& canvas, float base, float height, float bumps, const Palette& palette, float mottle,
           uint32_t seed) {
    const auto crest = [=](float x) {
        return base - height * (0.5f + 0.7f * fractal({x * bumps, 0.5f}, 5, seed));
    };
    canvas.blend(
        [&](Point at) {
            const float below = at.y - crest(at.x);
            const float rough = fractal({at.x * bumps * 4, at.y * bumps * 9}, 5, seed + 20);
            return palette.at(0.62f + mottle * rough - 0.9f * below);
        },
        [&](Point at) { return smoothstep(-0.002f, 0.002f, at.y - crest(at.x)); });
}

void crown(Canvas& canvas, Random& random, Point centre, Point radii, const Palette& palette, float leaf,
           int leaves) {
    for (int i = 0; i < leaves; ++i) {
        // From the shaded depth to the lit surface: later leaves are higher and lighter.
        const float layer = static_cast<float>(i) / static_cast<float>(leaves);
        const float angle = random.between(0, 6.2831853f), away = std::sqrt(random.uniform());
        const Point unit = {away * std::cos(angle), away * std::sin(angle)};
        const float lit = 0.42f - 0.40f * unit.y - 0.22f * unit.x;
        const float tone = clamp01(lit * (0.35f + 0.85f * layer) + random.between(-0.16f, 0.16f));
        const Point at = centre + Point{unit.x * radii.x, unit.y * radii.y - 0.08f * layer * radii.y};
        const float size = leaf * random.between(0.6f, 1.4f);
        canvas.dab(at, {size, 0.62f * size}, random.between(-1.2f, 1.2f), palette.at(tone), 0.85f);
    }
}

void tree(Canvas& canvas, Random& random, Point foot, float height, const Palette& leaves,
          const Palette& bark) {
    const float lean = random.between(-0.05f, 0.05f) * height;
    const Point fork = foot + Point{lean, -0.45f * height};
    const float thick = 0.030f * height;
    canvas.stroke({foot, (foot + fork) * 0.5f + Point{0.3f * lean, 0}, fork}, thick * 1.25f, thick * 0.7f,
                  bark.at(0.2f), 1);
    canvas.stroke({foot - Point{0.35f * thick, 0}, fork - Point{0.3f * thick, 0}}, thick * 0.4f, thick * 0.2f,
                  bark.at(0.7f), 0.6f);
    const int clumps = 9;
    for (int i = 0; i < clumps; ++i) {
        const float angle = random.between(0, 6.2831853f),
                    away = 0.24f * height * std::sqrt(random.uniform());
        const Point centre = foot + Point{lean + 1.1f * away * std::cos(angle),
                                          -0.66f * height + 0.95f * away * std::sin(angle)};
        canvas.stroke({fork, centre}, thick * 0.4f, thick * 0.12f, bark.at(0.25f), 0.9f);
    }
    for (int i = 0; i < clumps; ++i) {
        const float t = static_cast<float>(i) / (clumps - 1);  // from low to high
        const Point centre = foot + Point{lean + random.between(-0.22f, 0.22f) * height * (1.1f - 0.6f * t),
                                          -(0.44f + 0.42f * t) * height};
        const Point radii = {random.between(0.13f, 0.19f) * height, random.between(0.09f, 0.14f) * height};
        crown(canvas, random, centre, radii, leaves, 0.017f * height + 0.0015f, 210);
    }
}

void fir(Canvas& canvas, Random& random, Point foot, float height, const Palette& needles, float snow) {
    canvas.stroke({foot, foot - Point{0, height}}, 0.018f * height, 0.003f * height, {0.20f, 0.14f, 0.10f},
                  1);
    const int tiers = 26;
    for (int tier = tiers - 1; tier >= 0; --tier) {  // from the ground up: upper boughs hang over lower ones
        const float t = (static_cast<float>(tier) + 0.5f) / static_cast<float>(tiers);
        const float reach = 0.21f * height * std::pow(t, 0.85f) + 0.008f * height;
        const Point heart = foot - Point{0, height * (1.0f - 0.93f * t)};
        for (int i = 0; i < 16; ++i) {
            const float across = random.between(-1.0f, 1.0f);
            const Point tip = heart + Point{across * reach * random.between(0.75f, 1.1f),
                                            height * (0.035f + 0.035f * std::fabs(across))};
            const float tone = clamp01(0.45f - 0.35f * across + random.between(-0.3f, 0.3f));
            const Colour green = needles.at(tone);
            const bool white = random.uniform() < snow * 0.75f;
            canvas.stroke({heart + Point{across * reach * 0.25f, 0}, (heart + tip) * 0.5f, tip},
                          0.011f * height, 0.004f * height,
                          white ? mix(green, {0.93f, 0.95f, 1.0f}, 0.45f + 0.5f * tone) : green, 0.85f);
        }
    }
}

void grass(Canvas& canvas, Random& random, float top, const Palette& palette, float blade, int blades) {
    for (int i = 0; i < blades; ++i) {
        const float t = static_cast<float>(i) / static_cast<float>(blades);
        const float near = std::pow(t, 0.8f);
        const Point foot = {random.between(-0.05f, canvas.aspect() + 0.05f), top + (1.08f - top) * near};
        const float size = blade * (0.12f + 0.88f * near) * random.between(0.5f, 1.2f);
        const float lean = random.between(-0.6f, 0.6f);
        const float patch = 0.5f * fractal({foot.x * 5 / (0.3f + near), near * 9}, 3, 901);
        const float tone = clamp01(0.48f + patch + random.between(-0.33f, 0.33f));
        canvas.stroke(
            {foot, foot + Point{0.35f * lean * size, -0.6f * size}, foot + Point{lean * size, -size}},
            0.0012f + 0.0035f * near * blade / 0.1f, 0.0006f, palette.at(tone), 0.85f);
    }
}

void scatter(Canvas& canvas, Random& random, float top, const std::vector<Colour>& colours, float size,
             int count) {
    for (int i = 0; i < count; ++i) {
        const float near = std::pow(static_cast<float>(i) / static_cast<float>(count), 0.7f);
        const Point at = {random.between(0, canvas.aspect()), top + (1.02f - top) * near};
        const float radius = size * (0.15f + 0.85f * near) * random.between(0.6f, 1.3f);
        const Colour colour =
            colours[static_cast<size_t>(random.uniform() * static_cast<float>(colours.size()))];
        const float angle = random.between(-0.5f, 0.5f);
        canvas.dab(at + Point{0.2f, 0.35f} * radius, {radius * 1.1f, 0.6f * radius}, angle,
                   {0.06f, 0.07f, 0.04f}, 0.5f);
        canvas.dab(at, {radius, 0.6f * radius}, angle, colour * random.between(0.75f, 1.1f), 0.95f);
    }
}

}  // namespace objloc::paint
