// The head: ears, face, eyes, nose and mouth, whiskers.
#include <algorithm>

#include "tools/make_assets/fur.h"

namespace objloc::paint {

namespace {

// ----------------------------------------------------------------------------------------------

constexpr Point kNose = {0, -0.245f};

float triangle(Point at, Point a, Point b, Point c) {
    const auto edge = [at](Point from, Point to) {
        const Point along = to - from;
        return ((at.x - from.x) * along.y - (at.y - from.y) * along.x) / length(along);
    };
    return std::max({edge(a, b), edge(b, c), edge(c, a)});
}

/// An ear; `inset` shrinks it to its inner side.
float ear_shape(Point at, float side, float inset) {
    at.x *= side;  // as if it were the right one
    const Point bottom = {0.49f, -0.34f}, tip = {0.44f, -0.985f}, top = {0.06f, -0.69f};
    const float bulge = 0.045f * std::sin(3.1f * (at.y + 1.0f));  // the edges are bowed
    return triangle({at.x - bulge, at.y}, bottom, top, tip) - 0.02f + inset;
}

Part ear(float side) {
    return {[side](Point at) { return ear_shape(at, side, 0); },
            [side](Point at) { return ginger(at, 0.55f * smoothstep(-0.80f, -1.0f, at.y) + 0.15f, 61); },
            [side](Point at) { return -at.y + 0.2f * side * at.x; },
            0.10f,
            0.06f,
            2600,
            0.1f};
}

void inner_ear(Canvas& canvas, float side) {
    canvas.blend(
        [&](Point p) {
            const Point at = to_cat(p);
            const float deep = smoothstep(0.0f, -0.09f, ear_shape(at, side, 0.07f));
            return mix(mix(kPink, kPale, 0.35f), kPink * 0.72f, deep) * (0.93f + 0.1f * noise(at * 20, 63));
        },
        [&](Point p) { return smoothstep(0.012f, -0.02f, ear_shape(to_cat(p), side, 0.07f)); });
    Random random(side > 0 ? 65 : 66);
    for (int i = 0; i < 130; ++i) {  // the pale tuft at the ear's inner edge
        const float t = random.uniform();
        const Point root = {side * (0.13f + 0.15f * t), -0.66f + 0.10f * random.uniform()};
        const Point tip = root + Point{side * random.between(0.05f, 0.13f), -random.between(0.10f, 0.24f)};
        const Point middle = (root + tip) * 0.5f + Point{side * -0.02f, 0};
        canvas.stroke({to_canvas(root), to_canvas(middle), to_canvas(tip)}, 0.0019f, 0.0005f,
                      mix(kWhite, kPale, random.uniform() * 0.7f), 0.55f);
    }
}

float head_shape(Point at) {
    const float skull = ellipse(at, {0, -0.43f}, {0.465f, 0.385f});
    const float cheeks = ellipse(at, {0, -0.27f}, {0.52f, 0.255f});
    const float chin = ellipse(at, {0, -0.12f}, {0.25f, 0.16f});
    return smooth_union(smooth_union(skull, cheeks, 0.12f), chin, 0.12f);
}

/// The stripes of the face: an M on the forehead, bands over the crown, lines from the eyes across the
/// cheeks.
float face_stripes(Point at) {
    const float x = std::fabs(at.x), wobble = 0.012f * noise(at * 14, 71);
    float striped = 0;
    const auto line = [&](Point from, Point to, float width) {
        const float t = clamp01(dot({x - from.x, at.y - from.y}, to - from) / dot(to - from, to - from));
        const float taper = width * (1.15f - 0.75f * t);
        striped = std::max(striped,
                           smoothstep(taper + 0.012f, taper - 0.012f, segment({x, at.y}, from, to) + wobble));
    };
    line({0.0f, -0.56f}, {0.0f, -0.82f}, 0.026f);
    line({0.055f, -0.53f}, {0.075f, -0.82f}, 0.026f);
    line({0.145f, -0.535f}, {0.17f, -0.80f}, 0.030f);
    line({0.235f, -0.535f}, {0.28f, -0.74f}, 0.030f);
    line({0.30f, -0.41f}, {0.52f, -0.36f}, 0.026f);
    line({0.28f, -0.33f}, {0.53f, -0.23f}, 0.024f);
    line({0.30f, -0.22f}, {0.48f, -0.12f}, 0.020f);
    return striped * (0.9f + 0.1f * noise(at * 25, 72));
}

Colour face_colour(Point at) {
    const float x = std::fabs(at.x);
    Colour colour = ginger(at, 0.95f * face_stripes(at), 73);
    // Pale around the eyes, white around the mouth with a blaze up the nose.
    const float eye = ellipse({x, at.y}, {0.20f, -0.41f}, {0.165f, 0.125f});
    colour = mix(colour, kPale, 0.75f * smoothstep(0.04f, -0.03f, eye));
    const float muzzle = ellipse({x, at.y}, {0.10f, -0.155f}, {0.17f, 0.13f});
    const float blaze = segment({x, at.y}, {0, -0.22f}, {0, -0.45f}) - 0.045f;
    const float chin = ellipse(at, {0, -0.06f}, {0.17f, 0.10f});
    const float white =
        smooth_union(smooth_union(muzzle, blaze, 0.08f), chin, 0.08f) + 0.015f * noise(at * 13, 74);
    return mix(colour, kWhite, smoothstep(0.03f, -0.03f, white));
}

Part head() {
    return {head_shape, face_colour, [](Point at) { return length({at.x, (at.y - kNose.y) * 0.95f}); },
            0.34f,      0.075f,      13000,
            0.5f};
}

Part muzzle(float side) {
    return {[side](Point at) {
                return ellipse(at, {side * 0.085f, -0.155f}, {0.115f, 0.088f}, side * 0.15f);
            },
            [](Point) { return kWhite; },
            [side](Point at) { return side * at.x + 0.5f * at.y; },
            0.10f,
            0.03f,
            1500,
            0.16f};
}

void eye(Canvas& canvas, float side) {
    const Point centre = {side * 0.20f, -0.405f};
    const auto lens = [&](Point at, float grow) {  // two arcs that meet in the corners, the outer one higher
        const Point d = {side * (at.x - centre.x), at.y - centre.y};
        const Point t = {d.x * 0.97f - d.y * 0.22f, d.y * 0.97f + d.x * 0.22f};
        const float upper = length(t - Point{0, 0.050f}) - 0.145f;
        const float lower = length(t - Point{0, -0.060f}) - 0.150f;
        return std::max(upper, lower) - grow;
    };
    const auto area = [&](float grow) {
        return [&, grow](Point p) { return smoothstep(0.006f, -0.006f, lens(to_cat(p), grow)); };
    };
    canvas.blend([](Point) { return kDark; }, area(0.022f));
    canvas.blend(
        [&](Point p) {
            const Point d = to_cat(p) - centre;
            const float from_centre = length({d.x, d.y * 1.05f}) / 0.115f;
            const float angle = std::atan2(d.y, d.x);
            const float rays = noise({angle * 9, from_centre * 1.5f}, 81);
            const Colour inner = {0.93f, 0.82f, 0.28f}, outer = {0.40f, 0.62f, 0.22f};
            const Colour iris = mix(inner, outer, smoothstep(0.25f, 0.95f, from_centre)) * (1 + 0.16f * rays);
            const float lid = smoothstep(-0.11f, -0.01f, d.y);  // shadow of the upper lid
            return iris * (0.50f + 0.50f * lid) * (1.08f - 0.38f * smoothstep(0.75f, 1.15f, from_centre));
        },
        area(0));
    canvas.blend(
        [](Point) {
            return Colour{0.03f, 0.03f, 0.03f};
        },
        [&](Point p) {
            const Point at = to_cat(p);
            const float slit = ellipse(at, centre, {0.036f, 0.090f});
            return smoothstep(0.006f, -0.006f, std::max(slit, lens(at, -0.004f)));
        });
    canvas.dab(to_canvas(centre + Point{-0.034f, -0.036f}), Point{0.024f, 0.021f} * kScale, 0, {1, 1, 1},
               0.97f);
    canvas.dab(to_canvas(centre + Point{0.030f, 0.040f}), Point{0.015f, 0.012f} * kScale, 0, {1, 1, 1}, 0.5f);
}

void nose_and_mouth(Canvas& canvas) {
    const auto shape = [](Point at) {
        const float x = std::fabs(at.x);
        const float wedge = triangle({x, at.y}, {-0.06f, -0.275f}, {0.066f, -0.275f}, {0, -0.195f}) - 0.012f;
        return wedge + 0.012f * smoothstep(0.03f, 0, x) * smoothstep(-0.26f, -0.29f, at.y);
    };
    canvas.blend(
        [&](Point p) {
            const Point at = to_cat(p);
            const float nostril = ellipse({std::fabs(at.x), at.y}, {0.034f, -0.232f}, {0.017f, 0.011f}, 0.5f);
            const Colour skin = mix(kPink, kPink * 0.68f, smoothstep(-0.275f, -0.19f, at.y));
            return mix(skin, kDark, 0.8f * smoothstep(0.008f, -0.006f, nostril));
        },
        [&](Point p) { return smoothstep(0.008f, -0.008f, shape(to_cat(p))); });
    const Colour line = mix(kStripe, kDark, 0.55f);
    canvas.stroke({to_canvas({0, -0.19f}), to_canvas({0, -0.135f})}, 0.0032f, 0.003f, line, 0.85f);
    for (const float side : {-1.0f, 1.0f}) {
        canvas.stroke({to_canvas({0, -0.137f}), to_canvas({side * 0.035f, -0.105f}),
                       to_canvas({side * 0.085f, -0.098f}), to_canvas({side * 0.135f, -0.122f})},
                      0.0036f, 0.0012f, line, 0.85f);
        canvas.dab(to_canvas({side * -0.028f, -0.287f}), Point{0.016f, 0.007f} * kScale, 0, {1, 0.92f, 0.9f},
                   0.5f);
    }
}

void whiskers(Canvas& canvas) {
    Random random(91);
    for (const float side : {-1.0f, 1.0f}) {
        for (int row = 0; row < 3; ++row) {
            const float down = static_cast<float>(row);
            for (int i = 0; i < 3; ++i) {
                canvas.dab(
                    to_canvas({side * (0.075f + 0.035f * static_cast<float>(i)), -0.19f + 0.030f * down}),
                    Point{0.0075f, 0.0075f} * kScale, 0, kStripe, 0.7f);
            }
        }
        for (int i = 0; i < 5; ++i) {
            const float t = static_cast<float>(i) / 4;
            const Point root = {side * 0.13f, -0.20f + 0.075f * t};
            const Point tip = {side * random.between(0.62f, 0.70f), -0.34f + 0.38f * t};
            std::vector<Point> path;
            for (int k = 0; k <= 10; ++k) {
                const float s = static_cast<float>(k) / 10;
                const float sag = -0.07f * std::sin(3.14159f * s);
                path.push_back(to_canvas(root + (tip - root) * s + Point{0, sag}));
            }
            canvas.stroke(path, 0.0026f, 0.0011f, {0.99f, 0.98f, 0.96f}, 0.9f);
        }
    }
}

void chin_shadow(Canvas& canvas) {
    canvas.darken([](Point p) {
        const Point at = to_cat(p);
        const float below = ellipse(at, {0, 0.02f}, {0.36f, 0.16f});
        return 1 - 0.28f * smoothstep(0.08f, -0.12f, below);
    });
}

}  // namespace

void paint_head(Canvas& canvas) {
    chin_shadow(canvas);
    for (const float s : {-1.0f, 1.0f}) {
        add(canvas, ear(s), s > 0 ? 110 : 111);
        inner_ear(canvas, s);
    }
    add(canvas, head(), 112);
    for (const float s : {-1.0f, 1.0f}) eye(canvas, s);
    for (const float s : {-1.0f, 1.0f}) add(canvas, muzzle(s), s > 0 ? 113 : 114);
    nose_and_mouth(canvas);
    whiskers(canvas);
}

}  // namespace objloc::paint
