// Views as a camera might bring them home, each painted from far to near.
#include <algorithm>

#include "tools/make_assets/nature.h"
#include "tools/make_assets/pictures.h"

namespace objloc::paint {

namespace {

constexpr Palette kAutumn = {{0.33f, 0.10f, 0.04f}, {0.78f, 0.36f, 0.08f}, {0.97f, 0.76f, 0.26f}};
constexpr Palette kFarHills = {{0.36f, 0.47f, 0.56f}, {0.47f, 0.58f, 0.66f}, {0.60f, 0.69f, 0.74f}};
constexpr Palette kNearHills = {{0.20f, 0.33f, 0.20f}, {0.33f, 0.47f, 0.27f}, {0.50f, 0.61f, 0.36f}};

void meadow(Canvas& canvas) {
    sky(canvas, {0.25f, 0.47f, 0.80f}, {0.76f, 0.86f, 0.93f}, {0.99f, 0.98f, 0.97f}, 0.47f, 0.55f, 11);
    hills(canvas, 0.46f, 0.14f, 2.2f, kFarHills, 0.25f, 12);
    hills(canvas, 0.50f, 0.10f, 3.1f, kNearHills, 0.5f, 13);
    Random random(14);
    for (int i = 0; i < 26; ++i) {
        const Point at = {random.between(0, 1), 0.50f + random.between(-0.015f, 0.02f)};
        const float size = random.between(0.018f, 0.045f);
        crown(canvas, random, at - Point{0, 0.6f * size}, {size * 1.2f, size}, kLeaves, 0.008f, 90);
    }
    canvas.blend(
        [](Point at) { return kGrass.at(0.55f + 0.4f * fractal(ground(at, 0.45f, 0.5f) * 0.9f, 5, 15)); },
        [](Point at) { return smoothstep(0.51f, 0.525f, at.y); });
    tree(canvas, random, {0.80f, 0.60f}, 0.42f, kLeaves, kBark);
    grass(canvas, random, 0.52f, kGrass, 0.085f, 5200);
    scatter(canvas, random, 0.56f, {{0.98f, 0.96f, 0.90f}, {0.97f, 0.82f, 0.18f}, {0.80f, 0.20f, 0.20f}},
            0.0095f, 170);
    grass(canvas, random, 0.70f, kGrass, 0.10f, 900);
}

void forest(Canvas& canvas) {
    canvas.shade([](Point at) {
        const float glow =
            std::exp(-7 * (at.x - 0.55f) * (at.x - 0.55f) - 6 * (at.y - 0.36f) * (at.y - 0.36f));
        const float leafy = fractal(at * 16, 5, 21);
        const Palette haze = {{0.13f, 0.23f, 0.10f}, {0.42f, 0.56f, 0.24f}, {0.93f, 0.95f, 0.70f}};
        return haze.at(0.18f + 0.62f * glow + 0.33f * leafy);
    });
    Random random(22);
    for (int layer = 0; layer < 4; ++layer) {
        const float near = static_cast<float>(layer) / 3;
        const float foot = 0.60f + 0.22f * near;
        const Colour mist = {0.52f, 0.60f, 0.36f};
        for (int i = 0; i < 9 - 2 * layer; ++i) {
            const float x = random.between(-0.05f, 1.05f),
                        thick = (0.008f + 0.030f * near) * random.between(0.7f, 1.2f);
            const float lean = random.between(-0.03f, 0.03f);
            for (int strip = 0; strip < 24; ++strip) {  // bark: upright strips, lit from the left
                const float side = random.between(-1, 1);
                const Colour bark = kBark.at(clamp01(0.42f - 0.38f * side + random.between(-0.25f, 0.25f)));
                const Point low = {x + side * thick * 1.15f, foot + 0.02f * random.uniform()};
                canvas.stroke(
                    {low, {x + side * thick + 0.5f * lean, 0.3f}, {x + side * thick * 0.8f + lean, -0.05f}},
                    0.20f * thick, 0.16f * thick, mix(mist, bark, 0.35f + 0.65f * near), 0.9f);
            }
        }
        for (int i = 0; i < 10; ++i) {  // leaves overhead and undergrowth
            const Palette leaves = {mix(mist, kLeaves.dark, 0.4f + 0.6f * near),
                                    mix(mist, kLeaves.middle, 0.5f + 0.5f * near),
                                    mix(mist, {0.62f, 0.74f, 0.25f}, 0.6f + 0.4f * near)};
            const Point over = {random.between(0, 1), random.between(-0.05f, 0.24f - 0.08f * near)};
            crown(canvas, random, over, {0.13f, 0.07f}, leaves, 0.009f + 0.008f * near, 130);
            const Point under = {random.between(0, 1), foot + random.between(-0.02f, 0.03f)};
            crown(canvas, random, under, {0.09f, 0.035f + 0.02f * near}, leaves, 0.008f + 0.008f * near, 90);
        }
    }
    const Palette floor = {{0.12f, 0.10f, 0.05f}, {0.33f, 0.26f, 0.13f}, {0.62f, 0.55f, 0.27f}};
    canvas.blend(
        [&](Point at) {
            const float sun = smoothstep(0.1f, 0.5f, fractal(ground(at, 0.5f, 0.5f) * 0.6f, 3, 23));
            return floor.at(0.35f + 0.3f * fractal(ground(at, 0.5f, 0.5f) * 4, 4, 24) + 0.4f * sun);
        },
        [](Point at) { return smoothstep(0.80f, 0.84f, at.y + 0.02f * noise(at * 9, 25)); });
    scatter(canvas, random, 0.80f, {{0.55f, 0.40f, 0.18f}, {0.40f, 0.28f, 0.13f}, {0.35f, 0.45f, 0.16f}},
            0.016f, 420);
    grass(canvas, random, 0.84f, kLeaves, 0.07f, 420);
}

void beach(Canvas& canvas) {
    const float horizon = 0.46f;
    sky(canvas, {0.24f, 0.28f, 0.52f}, {0.99f, 0.66f, 0.34f}, {0.93f, 0.52f, 0.45f}, horizon, 0.52f, 31);
    const Point sun = {0.36f, 0.405f};
    canvas.blend(
        [](Point) {
            return Colour{1, 0.90f, 0.60f};
        },
        [&](Point at) {
            const float away = length(at - sun);
            return at.y > horizon ? 0.0f
                                  : std::exp(-away * away * 60) * 0.75f + smoothstep(0.036f, 0.030f, away);
        });
    canvas.blend(
        [&](Point at) {
            const Point far = ground(at, horizon - 0.01f, 0.5f);
            const float wave = fractal({far.x * 1.5f, far.y * 7}, 4, 32);
            const Colour deep = mix({0.13f, 0.20f, 0.34f}, {0.62f, 0.42f, 0.38f}, 0.5f + 0.6f * wave);
            const float path = std::exp(-std::pow((at.x - sun.x) / (0.05f + 0.5f * (at.y - horizon)), 2.0f));
            return mix(deep, {1, 0.80f, 0.48f}, path * smoothstep(-0.12f, 0.5f, wave));
        },
        [&](Point at) { return smoothstep(horizon - 0.002f, horizon + 0.002f, at.y); });
    const auto shore = [](Point at) {
        return 0.66f + 0.05f * std::sin(5 * at.x + 0.5f) + 0.02f * fractal(at * 5, 3, 33);
    };
    const auto foam = [&](Point at) {
        const float from = at.y - shore(at);
        const float lace = 0.5f + 0.7f * fractal({at.x * 26, at.y * 44}, 4, 34);
        return std::max(smoothstep(0.018f, 0, std::fabs(from)),
                        std::max(0.8f * smoothstep(0.013f, 0, std::fabs(from + 0.075f)),
                                 0.6f * smoothstep(0.007f, 0, std::fabs(from + 0.125f)))) *
               lace;
    };
    const Palette sand = {{0.36f, 0.25f, 0.20f}, {0.66f, 0.49f, 0.36f}, {0.90f, 0.72f, 0.54f}};
    canvas.blend(
        [&](Point at) {
            const float wet = smoothstep(0.13f, 0.03f, at.y - shore(at));
            const Point far = ground(at, 0.35f, 0.5f);
            const float grain = 0.42f * fractal(far * 14, 5, 35) + 0.25f * noise(at * 190, 36);
            return mix(sand.at(0.5f + grain), {0.60f, 0.42f, 0.40f}, 0.72f * wet);
        },
        [&](Point at) { return smoothstep(-0.003f, 0.003f, at.y - shore(at)); });
    canvas.blend([](Point) { return Colour{1, 0.90f, 0.82f}; }, foam);
    Random random(37);
    scatter(canvas, random, 0.78f, {{0.45f, 0.36f, 0.32f}, {0.86f, 0.78f, 0.70f}, {0.30f, 0.24f, 0.22f}},
            0.012f, 60);
}

/// Height 0 .. 1 of a mountain chain and the tone of its rock face, by ridged noise.
float ridges(Point at, uint32_t seed) {
    float sum = 0, strength = 0.55f;
    for (uint32_t i = 0; i < 6; ++i) {
        sum += strength * (1 - std::fabs(noise(at, seed + i)));
        at = Point{at.x * 2.05f + 0.6f * at.y, at.y * 2.05f - 0.6f * at.x};
        strength *= 0.5f;
    }
    return sum;
}

void mountain_chain(Canvas& canvas, float base, float height, float bumps, float snow_line, uint32_t seed) {
    const auto crest = [=](float x) {
        return base - height * (0.15f + 1.25f * std::pow(ridges({x * bumps, 0.3f}, seed), 1.7f) - 0.2f);
    };
    canvas.blend(
        [&](Point at) {
            const Point face = {at.x * bumps * 2.3f, at.y * bumps * 1.5f};
            const float lit = 3.2f * (ridges(face, seed + 9) - ridges(face + Point{0.045f, 0.02f}, seed + 9));
            const float tone = clamp01(0.48f + lit);
            const float altitude = (base - at.y) / height;
            const float snow = smoothstep(snow_line, snow_line + 0.12f,
                                          altitude + 0.42f * fractal(face * 2.2f, 5, seed + 3));
            const Colour rock = mix({0.20f, 0.22f, 0.27f}, {0.58f, 0.55f, 0.53f}, tone);
            const Colour white =
                mix({0.52f, 0.62f, 0.78f}, {0.99f, 0.99f, 0.99f}, smoothstep(0.15f, 0.65f, tone));
            return mix(mix(rock, white, snow), {0.64f, 0.74f, 0.85f}, 0.30f * (1 - altitude));
        },
        [&](Point at) { return smoothstep(-0.002f, 0.002f, at.y - crest(at.x)); });
}

void lake(Canvas& canvas) {
    sky(canvas, {0.17f, 0.39f, 0.75f}, {0.72f, 0.84f, 0.93f}, {0.98f, 0.98f, 0.99f}, 0.55f, 0.42f, 41);
    mountain_chain(canvas, 0.58f, 0.30f, 2.3f, 0.55f, 142);
    mountain_chain(canvas, 0.59f, 0.20f, 1.7f, 0.75f, 242);
    hills(canvas, 0.60f, 0.08f, 2.7f, {{0.10f, 0.18f, 0.16f}, {0.19f, 0.29f, 0.22f}, {0.33f, 0.42f, 0.27f}},
          0.7f, 43);
    Random random(44);
    for (int i = 0; i < 46; ++i) {
        fir(canvas, random, {random.between(0, 1), 0.605f + random.between(0, 0.012f)},
            random.between(0.05f, 0.10f), kFir);
    }
    const float water = 0.61f;
    canvas.blend(
        [&](Point at) {
            const Point far = ground(at, water - 0.02f, 0.5f);
            const float ripple = fractal({far.x * 2, far.y * 9}, 4, 45);
            const float y = at.y - water;
            const float peaks = smoothstep(0.03f, 0.09f, y + 0.03f * fractal({at.x * 6, 0.3f}, 3, 46));
            const Colour dark = {0.07f, 0.16f, 0.17f}, stone = {0.36f, 0.46f, 0.55f},
                         air = {0.33f, 0.55f, 0.78f};
            const Colour mirror = mix(mix(dark, stone, peaks), air, smoothstep(0.12f, 0.24f, y));
            return mix(mirror, {0.80f, 0.89f, 0.96f}, 0.6f * smoothstep(0.15f, 0.75f, ripple)) *
                   (0.95f + 0.2f * ripple);
        },
        [&](Point at) { return smoothstep(water - 0.002f, water + 0.002f, at.y); });
    const auto bank = [](Point at) {
        return at.y - (0.86f + 0.05f * std::sin(4 * at.x + 1) + 0.02f * noise(at * 8, 47));
    };
    canvas.blend(
        [](Point at) {
            return Palette{{0.16f, 0.16f, 0.15f}, {0.42f, 0.41f, 0.38f}, {0.70f, 0.68f, 0.63f}}.at(
                0.4f + 0.5f * fractal(ground(at, 0.6f, 0.5f) * 9, 4, 48));
        },
        [&](Point at) { return smoothstep(-0.003f, 0.003f, bank(at)); });
    scatter(canvas, random, 0.87f, {{0.46f, 0.45f, 0.43f}, {0.66f, 0.64f, 0.60f}, {0.28f, 0.28f, 0.29f}},
            0.022f, 330);
}

void dunes(Canvas& canvas) {
    sky(canvas, {0.22f, 0.45f, 0.78f}, {0.86f, 0.87f, 0.84f}, {0.97f, 0.95f, 0.93f}, 0.42f, 0.30f, 51);
    const Palette sand = {{0.40f, 0.21f, 0.12f}, {0.80f, 0.53f, 0.29f}, {0.98f, 0.80f, 0.53f}};
    struct Dune {
        float base, height, bumps, ripple, crest, slant;
        uint32_t seed;
    };
    for (const Dune dune :
         {Dune{0.46f, 0.10f, 2.6f, 90, 0.70f, -1.2f, 52}, Dune{0.56f, 0.20f, 1.7f, 60, 0.34f, 0.9f, 53},
          Dune{0.73f, 0.22f, 1.25f, 38, 0.80f, -1.5f, 54}, Dune{0.93f, 0.20f, 0.9f, 26, 0.42f, 1.1f, 56}}) {
        const auto crest = [=](float x) {
            return dune.base - dune.height * (0.5f + 0.9f * noise({x * dune.bumps, 0.4f}, dune.seed));
        };
        canvas.blend(
            [&](Point at) {
                const float below = at.y - crest(at.x);
                // A crest winds down towards us: left of it the sand lies in the sun, right of it in shade.
                const float edge =
                    at.x - dune.crest - dune.slant * below - 0.20f * noise({below * 5, 0.2f}, dune.seed + 1);
                const float sunny = smoothstep(0.02f, -0.02f, edge);
                const float bent = below * 1.6f + 0.10f * noise(at * 5, dune.seed + 2) + 0.12f * at.x;
                const float ripple = std::sin(dune.ripple * 6.28f * bent + 3 * noise(at * 9, dune.seed + 3));
                const float grain = 0.10f * noise(at * 210, 55);
                const float tone = 0.26f + 0.46f * sunny + (0.035f + 0.075f * sunny) * ripple + grain -
                                   0.25f * below * sunny;
                return mix(sand.at(tone), {0.90f, 0.84f, 0.76f}, 0.42f * clamp01(1.5f - 2.2f * dune.base));
            },
            [&](Point at) { return smoothstep(-0.002f, 0.002f, at.y - crest(at.x)); });
    }
    Random random(57);
    const Palette dry = {{0.25f, 0.20f, 0.09f}, {0.50f, 0.43f, 0.20f}, {0.77f, 0.68f, 0.38f}};
    for (int tuft = 0; tuft < 5; ++tuft) {
        const Point foot = {random.between(0.05f, 0.95f), random.between(0.82f, 0.97f)};
        for (int i = 0; i < 34; ++i) {
            const Point tip = foot + Point{random.between(-0.05f, 0.05f), -random.between(0.03f, 0.09f)};
            canvas.stroke(
                {foot + Point{random.between(-0.01f, 0.01f), 0}, (foot + tip) * 0.5f + Point{0, -0.01f}, tip},
                0.0022f, 0.0006f, dry.at(random.uniform()), 0.9f);
        }
    }
}

void autumn_park(Canvas& canvas) {
    sky(canvas, {0.55f, 0.68f, 0.83f}, {0.93f, 0.92f, 0.86f}, {0.98f, 0.97f, 0.95f}, 0.5f, 0.5f, 61);
    Random random(62);
    for (int i = 0; i < 44; ++i) {  // the far edge of the park
        const Point at = {random.between(0, 1), 0.46f + random.between(-0.10f, 0.06f)};
        const Palette far = {{0.34f, 0.25f, 0.19f}, {0.68f, 0.47f, 0.26f}, {0.88f, 0.74f, 0.43f}};
        const Palette green = {{0.22f, 0.27f, 0.17f}, {0.42f, 0.47f, 0.26f}, {0.65f, 0.66f, 0.38f}};
        crown(canvas, random, at, {0.09f, 0.07f}, random.uniform() < 0.7f ? far : green, 0.011f, 110);
    }
    const auto path = [](Point at) {
        const float depth = at.y - 0.50f;
        return std::fabs(at.x - (0.50f + 0.25f * std::sin(5.0f * depth))) - (0.015f + 0.42f * depth);
    };
    canvas.blend(
        [&](Point at) {
            const Point far = ground(at, 0.46f, 0.5f);
            const Colour lawn =
                Palette{{0.21f, 0.24f, 0.08f}, {0.41f, 0.43f, 0.16f}, {0.66f, 0.62f, 0.28f}}.at(
                    0.5f + 0.5f * fractal(far * 3, 5, 63));
            const Colour gravel =
                mix({0.55f, 0.48f, 0.41f}, {0.80f, 0.74f, 0.66f}, 0.5f + 0.6f * fractal(far * 7, 5, 64));
            return mix(lawn, gravel, smoothstep(0.01f, -0.01f, path(at) + 0.015f * noise(at * 22, 65)));
        },
        [](Point at) { return smoothstep(0.515f, 0.53f, at.y); });
    grass(canvas, random, 0.53f, {{0.23f, 0.23f, 0.07f}, {0.43f, 0.42f, 0.15f}, {0.70f, 0.62f, 0.25f}}, 0.03f,
          900);
    const Palette red = {{0.30f, 0.06f, 0.04f}, {0.71f, 0.21f, 0.09f}, {0.95f, 0.50f, 0.20f}};
    const Palette gold = {{0.45f, 0.25f, 0.05f}, {0.87f, 0.61f, 0.13f}, {0.99f, 0.88f, 0.40f}};
    tree(canvas, random, {0.30f, 0.58f}, 0.42f, gold, kBark);
    tree(canvas, random, {0.66f, 0.60f}, 0.48f, red, kBark);
    tree(canvas, random, {0.93f, 0.70f}, 0.78f, kAutumn, kBark);
    tree(canvas, random, {0.06f, 0.74f}, 0.82f, kAutumn, kBark);
    canvas.darken([](Point at) {
        const float shade = fractal(ground(at, 0.42f, 0.4f) * 1.3f, 4, 66);
        return 1 - 0.33f * smoothstep(0.56f, 0.72f, at.y) * smoothstep(0.0f, 0.3f, shade);
    });
    scatter(canvas, random, 0.56f,
            {{0.86f, 0.47f, 0.11f}, {0.93f, 0.72f, 0.23f}, {0.63f, 0.22f, 0.08f}, {0.45f, 0.27f, 0.11f}},
            0.016f, 900);
}

void pebbles(Canvas& canvas) {
    canvas.shade([](Point at) { return Colour{0.17f, 0.15f, 0.13f} * (1 + 0.5f * fractal(at * 30, 4, 71)); });
    for (int layer = 0; layer < 3; ++layer) {  // small stones fill the gaps between large ones
        const float count = layer == 0 ? 22.0f : layer == 1 ? 13.0f : 8.0f;
        const uint32_t seed = 72 + 10 * static_cast<uint32_t>(layer);
        const auto stone = [=](Point at) {
            const Point warped = at * count + Point{0.22f * noise(at * count * 1.4f, seed + 5),
                                                    0.22f * noise(at * count * 1.4f, seed + 6)};
            return cells(warped, seed);
        };
        const auto inside = [=](const Cell& cell) {
            if (layer == 2 && cell.hash > 0.62f) return -1.0f;  // some places are left to smaller stones
            return (cell.second - cell.nearest) - 0.10f;
        };
        canvas.darken([&](Point at) {
            return 1 - 0.6f * smoothstep(-0.12f, 0.12f, inside(stone(at - Point{0.006f, 0.009f})));
        });
        canvas.blend(
            [&](Point at) {
                const Cell cell = stone(at);
                const float rim = clamp01(inside(cell) * 2.4f);
                const Point lean = cell.offset * ((1 - rim) / std::max(cell.nearest, 0.05f));
                const float lit = 0.72f - 0.26f * lean.x - 0.36f * lean.y - 0.22f * (1 - rim);
                const float hue = cell.hash * 7.31f - std::floor(cell.hash * 7.31f);
                const Colour warm = {0.72f, 0.60f, 0.48f}, grey = {0.58f, 0.58f, 0.58f},
                             blue = {0.40f, 0.44f, 0.50f};
                const Colour base = hue < 0.35f   ? mix(grey, warm, cell.hash)
                                    : hue < 0.75f ? mix(blue, grey, cell.hash)
                                                  : mix(grey, {0.86f, 0.84f, 0.80f}, 0.8f);
                const float veins =
                    smoothstep(0.08f, 0.0f, std::fabs(fractal(at * count * 0.9f, 3, seed + 8)));
                const float speckle = 0.22f * fractal(at * 70, 3, seed + 9);
                return mix(base, {0.9f, 0.88f, 0.85f}, hue > 0.5f && hue < 0.65f ? 0.6f * veins : 0) *
                       (lit + speckle * 0.7f) * 1.15f;
            },
            [&](Point at) { return smoothstep(0.0f, 0.05f, inside(stone(at))); });
    }
}

}  // namespace

const std::vector<Landscape>& backgrounds() {
    static const std::vector<Landscape> all = {
        {"meadow", meadow}, {"forest", forest},           {"beach", beach},    {"lake", lake},
        {"dunes", dunes},   {"autumn_park", autumn_park}, {"pebbles", pebbles}};
    return all;
}

}  // namespace objloc::paint
