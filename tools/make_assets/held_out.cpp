// Views that training never sees.
#include <algorithm>

#include "tools/make_assets/nature.h"
#include "tools/make_assets/pictures.h"

namespace objloc::paint {

namespace {

void snowy_forest(Canvas& canvas) {
    sky(canvas, {0.50f, 0.62f, 0.80f}, {0.94f, 0.87f, 0.86f}, {0.95f, 0.94f, 0.96f}, 0.5f, 0.55f, 81);
    hills(canvas, 0.55f, 0.13f, 2.4f, {{0.55f, 0.63f, 0.75f}, {0.72f, 0.78f, 0.87f}, {0.90f, 0.92f, 0.96f}},
          0.6f, 82);
    Random random(83);
    for (int i = 0; i < 30; ++i)
        fir(canvas, random, {random.between(0, 1), 0.57f}, random.between(0.08f, 0.17f), kFir, 0.4f);
    canvas.blend(
        [](Point at) {
            const float drift = fractal({at.x * 3, at.y * 7}, 5, 84), grain = 0.25f * noise(at * 160, 85);
            return Palette{{0.47f, 0.56f, 0.73f}, {0.80f, 0.85f, 0.93f}, {1, 0.99f, 0.97f}}.at(
                0.58f + 0.6f * drift + 0.35f * grain);
        },
        [](Point at) {
            return smoothstep(0.565f, 0.575f, at.y + 0.012f * noise({at.x * 6, 0}, 86));
        });
    for (const Point foot :
         {Point{0.13f, 0.72f}, Point{0.86f, 0.76f}, Point{0.66f, 0.64f}, Point{0.34f, 0.65f}}) {
        fir(canvas, random, foot, 0.38f + 1.2f * (foot.y - 0.62f), kFir, 0.75f);
    }
}

void lavender(Canvas& canvas) {
    sky(canvas, {0.30f, 0.45f, 0.76f}, {0.98f, 0.86f, 0.70f}, {0.99f, 0.93f, 0.88f}, 0.42f, 0.50f, 91);
    hills(canvas, 0.41f, 0.11f, 2.0f, {{0.38f, 0.43f, 0.58f}, {0.50f, 0.54f, 0.66f}, {0.66f, 0.68f, 0.74f}},
          0.3f, 92);
    Random random(93);
    for (int i = 0; i < 16; ++i)
        crown(canvas, random, {random.between(0, 1), 0.405f}, {0.04f, 0.022f}, kLeaves, 0.007f, 70);
    const auto row = [](Point at) { return std::cos(6.2831853f * 1.9f * ground(at, 0.36f, 0.45f).x); };
    canvas.blend(
        [](Point at) {
            return Colour{0.42f, 0.33f, 0.23f} * (0.9f + 0.5f * fractal(ground(at, 0.38f, 0.5f) * 5, 4, 94));
        },
        [](Point at) { return smoothstep(0.415f, 0.425f, at.y); });
    const Palette violet = {{0.20f, 0.12f, 0.33f}, {0.45f, 0.31f, 0.66f}, {0.76f, 0.61f, 0.90f}};
    for (int i = 0; i < 9000; ++i) {
        const float near = std::pow(static_cast<float>(i) / 9000, 0.75f);
        const Point foot = {random.between(-0.02f, 1.02f), 0.425f + 0.66f * near};
        const float ridge = row(foot);
        if (ridge < random.between(-0.35f, 0.15f)) continue;
        const float size = (0.012f + 0.075f * near) * random.between(0.6f, 1.1f);
        const Point tip = foot + Point{random.between(-0.25f, 0.25f) * size, -size};
        canvas.stroke({foot, tip}, 0.0007f + 0.0015f * near, 0.0007f, kGrass.at(random.between(0.1f, 0.6f)),
                      0.8f);
        canvas.stroke({foot + (tip - foot) * 0.5f, tip}, 0.0014f + 0.0045f * near, 0.0008f,
                      violet.at(clamp01(0.25f + 0.4f * ridge + random.between(-0.25f, 0.3f))), 0.9f);
    }
}

void brick_wall(Canvas& canvas) {
    const auto brick = [](Point at, float& mortar, float& hash) {
        const float rows = 11, row = std::floor(at.y * rows);
        const float shift = static_cast<int>(row) % 2 == 0 ? 0.0f : 0.5f;
        const float x = at.x * 4.6f + shift, column = std::floor(x);
        const float wobble = 0.012f * noise(at * 40, 101);
        mortar = std::min(std::min(x - column, column + 1 - x) / 4.6f,
                          std::min(at.y * rows - row, row + 1 - at.y * rows) / rows) +
                 wobble * 0.6f;
        hash = 0.5f + 0.5f * noise({column * 3.7f + 0.31f, row * 5.3f + 0.47f}, 102);
    };
    canvas.shade([&](Point at) {
        float mortar = 0, hash = 0, lit_mortar = 0, ignored = 0;
        brick(at, mortar, hash);
        brick(at + Point{0.004f, 0.005f}, lit_mortar, ignored);
        const Palette clay = {{0.32f, 0.13f, 0.09f}, {0.60f, 0.29f, 0.20f}, {0.80f, 0.50f, 0.37f}};
        const float rough = fractal(at * 34, 5, 103), stain = fractal({at.x * 3, at.y * 1.5f}, 4, 104);
        const Colour face =
            clay.at(0.05f + 0.85f * hash + 0.38f * rough) * (1 + 4 * clamp01(lit_mortar - mortar) * 6);
        const Colour joint = Colour{0.70f, 0.66f, 0.60f} * (0.72f + 0.3f * fractal(at * 60, 3, 105));
        return mix(joint, face, smoothstep(0.004f, 0.010f, mortar)) * (0.92f + 0.32f * stain);
    });
    Random random(106);
    for (int vine = 0; vine < 5; ++vine) {  // ivy hangs in from the corner
        Point at = {0.72f + 0.08f * static_cast<float>(vine), -0.02f};
        for (int i = 0; i < 60 - 6 * vine; ++i) {
            at = at + Point{random.between(-0.012f, 0.010f), 0.0085f};
            crown(canvas, random, at + Point{random.between(-0.03f, 0.03f), 0}, {0.02f, 0.02f}, kLeaves,
                  0.016f, 4);
        }
    }
}

}  // namespace

const std::vector<Landscape>& held_out_backgrounds() {
    static const std::vector<Landscape> all = {
        {"snowy_forest", snowy_forest}, {"lavender", lavender}, {"brick_wall", brick_wall}};
    return all;
}

}  // namespace objloc::paint
