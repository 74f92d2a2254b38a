// A garden, for the demonstration's picture.
#include "tools/make_assets/nature.h"
#include "tools/make_assets/pictures.h"

namespace objloc::paint {

namespace {

void fence(Canvas& canvas, Random& random, float foot, float height) {
    const Palette wood = {{0.33f, 0.25f, 0.19f}, {0.62f, 0.53f, 0.43f}, {0.85f, 0.78f, 0.68f}};
    const float width = 0.034f;
    const auto board = [&](Point from, Point to, float half, float tone) {
        canvas.stroke({from, to}, half, half, wood.at(tone), 1);
        for (int grain = 0; grain < 9; ++grain) {
            const Point along = to - from, across = Point{-along.y, along.x} *
                                                    (random.between(-0.85f, 0.85f) * half / length(along));
            canvas.stroke({from + across, to + across}, 0.0012f, 0.0012f,
                          wood.at(clamp01(tone + random.between(-0.35f, 0.3f))), 0.6f);
        }
    };
    for (const float rail : {0.28f, 0.74f}) {
        const float y = foot - rail * height;
        board({-0.02f, y}, {canvas.aspect() + 0.02f, y}, 0.013f, 0.4f);
    }
    for (float x = 0.02f; x < canvas.aspect(); x += width * 1.75f) {
        const float top = foot - height * random.between(0.96f, 1.04f);
        canvas.stroke({{x + 0.011f, top + 0.02f}, {x + 0.011f, foot}}, width * 0.5f, width * 0.5f,
                      {0.10f, 0.10f, 0.06f}, 0.35f);
        board({x, top + 0.015f}, {x, foot}, width * 0.48f, random.between(0.5f, 0.75f));
    }
}

void paint_garden(Canvas& canvas) {
    sky(canvas, {0.30f, 0.54f, 0.85f}, {0.83f, 0.90f, 0.95f}, {0.99f, 0.99f, 0.98f}, 0.4f, 0.50f, 111);
    Random random(112);
    canvas.blend(
        [](Point at) {
            return Colour{0.22f, 0.32f, 0.19f} * (1 + 0.4f * fractal(at * 40, 4, 116));
        },
        [](Point at) { return smoothstep(0.33f, 0.36f, at.y); });
    for (int i = 0; i < 40; ++i) {
        const Point at = {random.between(0, canvas.aspect()), 0.33f + random.between(-0.08f, 0.06f)};
        const Palette hazy = {{0.16f, 0.25f, 0.17f}, {0.31f, 0.43f, 0.25f}, {0.55f, 0.64f, 0.38f}};
        crown(canvas, random, at, {0.10f, 0.06f}, hazy, 0.007f, 220);
    }
    tree(canvas, random, {0.17f, 0.46f}, 0.50f, kLeaves, kBark);
    tree(canvas, random, {canvas.aspect() - 0.14f, 0.47f}, 0.56f,
         {{0.08f, 0.16f, 0.06f}, {0.24f, 0.42f, 0.15f}, {0.56f, 0.70f, 0.30f}}, kBark);
    fence(canvas, random, 0.50f, 0.15f);
    canvas.blend(
        [](Point at) { return kGrass.at(0.52f + 0.35f * fractal(ground(at, 0.40f, 0.66f) * 1.2f, 5, 113)); },
        [](Point at) { return smoothstep(0.485f, 0.50f, at.y + 0.008f * noise(at * 30, 114)); });
    for (int i = 0; i < 26; ++i) {  // a bed of flowers along the fence
        const Point at = {random.between(0, canvas.aspect()), 0.495f + random.between(-0.012f, 0.015f)};
        crown(canvas, random, at, {0.045f, 0.026f}, kLeaves, 0.008f, 90);
        const std::vector<Colour> petals = {
            {0.88f, 0.25f, 0.35f}, {0.98f, 0.80f, 0.25f}, {0.95f, 0.92f, 0.95f}, {0.62f, 0.35f, 0.75f}};
        const Colour petal = petals[static_cast<size_t>(random.between(0, 3.99f))];
        for (int k = 0; k < 14; ++k) {
            canvas.dab(at + Point{random.between(-0.045f, 0.045f), random.between(-0.035f, 0.012f)},
                       {0.0055f, 0.0045f}, 0, petal * random.between(0.8f, 1.1f), 0.95f);
        }
    }
    grass(canvas, random, 0.50f, kGrass, 0.05f, 12000);
    scatter(canvas, random, 0.54f, {{0.99f, 0.98f, 0.94f}, {0.97f, 0.85f, 0.22f}}, 0.007f, 110);
    canvas.darken([](Point at) {  // the shade of a tree behind us
        const float shade = fractal({at.x * 2.4f, at.y * 4.5f}, 4, 115);
        return 1 - 0.42f * smoothstep(0.68f, 0.95f, at.y + 0.35f * shade);
    });
}

}  // namespace

const Landscape& garden() {
    static const Landscape view = {"garden", paint_garden};
    return view;
}

}  // namespace objloc::paint
