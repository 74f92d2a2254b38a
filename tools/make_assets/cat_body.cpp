// The body, from back to front.
#include "tools/make_assets/fur.h"

namespace objloc::paint {

namespace {

Part tail() {
    static const std::vector<Point> spine = {{0.30f, 0.86f}, {0.58f, 0.84f}, {0.82f, 0.70f}, {0.95f, 0.48f},
                                             {0.98f, 0.24f}, {0.90f, 0.03f}, {0.83f, -0.10f}};
    const auto along = [](Point at) {
        float nearest = 9, found = 0;
        for (size_t i = 0; i + 1 < spine.size(); ++i) {
            const Point piece = spine[i + 1] - spine[i];
            const float t = clamp01(dot(at - spine[i], piece) / dot(piece, piece));
            const float away = length(at - spine[i] - piece * t);
            if (away < nearest) nearest = away, found = static_cast<float>(i) + t;
        }
        return found / static_cast<float>(spine.size() - 1);
    };
    return {[along](Point at) {
                float nearest = 9;
                for (size_t i = 0; i + 1 < spine.size(); ++i) {
                    nearest = smooth_union(nearest, segment(at, spine[i], spine[i + 1]), 0.06f);
                }
                return nearest - 0.115f - 0.02f * along(at);
            },
            [along](Point at) {
                const float t = along(at);
                return mix(ginger(at, bands(t, at, 6, 11), 12), kWhite, smoothstep(0.9f, 0.98f, t));
            },
            along,
            0.13f,
            0.09f,
            4200,
            0.1f};
}

float body_shape(Point at) {
    const float chest = ellipse(at, {0, 0.28f}, {0.43f, 0.52f});
    const float seat = ellipse(at, {0, 0.66f}, {0.62f, 0.33f});
    return smooth_union(chest, seat, 0.25f);
}

Part body() {
    return {body_shape,
            [](Point at) {
                const float flank = std::fabs(at.x);
                return ginger(
                    at, bands(at.y * 0.8f - flank * 0.5f, at, 5, 21) * smoothstep(0.10f, 0.3f, flank), 22);
            },
            [](Point at) { return at.y + 0.25f * std::fabs(at.x); },
            0.34f,
            0.07f,
            9000,
            0};
}

Part haunch(float side) {
    return {[side](Point at) {
                const float thigh = ellipse(at, {side * 0.56f, 0.60f}, {0.30f, 0.34f}, side * -0.25f);
                return thigh;
            },
            [side](Point at) {
                const Point from_hip = at - Point{side * 0.36f, 0.72f};
                return ginger(at, bands(length(from_hip), at, 5.5f, 31), 32);
            },
            [side](Point at) { return 0.7f * at.y + side * 0.6f * at.x; },
            0.26f,
            0.075f,
            6000,
            0.32f};
}

Part hind_paw(float side) {
    return {
        [side](Point at) {
            return ellipse(at, {side * 0.50f, 0.89f}, {0.21f, 0.095f}, side * 0.06f);
        },
        [side](Point at) { return mix(kWhite, ginger(at, 0, 41), smoothstep(0.52f, 0.72f, side * at.x)); },
        [side](Point at) { return at.y * 1.4f - side * 0.2f * at.x; },
        0.09f,
        0.04f,
        2200,
        0.4f};
}

Part bib() {
    return {[](Point at) {
                return ellipse(at, {0, 0.25f}, {0.25f, 0.40f});
            },
            [](Point at) { return mix(kWhite, kPale, smoothstep(0.16f, 0.27f, std::fabs(at.x))); },
            [](Point at) { return at.y + 0.5f * std::fabs(at.x); },
            0.30f,
            0.16f,
            4200,
            0};
}

Part front_leg(float side) {
    return {[side](Point at) {
                const float leg = segment(at, {side * 0.15f, 0.10f}, {side * 0.17f, 0.84f}) - 0.115f;
                const float paw = ellipse(at, {side * 0.175f, 0.885f}, {0.155f, 0.105f});
                return smooth_union(leg, paw, 0.08f);
            },
            [side](Point at) {
                const Colour coat = ginger(at, 0.8f * bands(at.y, at, 5, 51), 52);
                const float sock = smoothstep(0.70f, 0.78f, at.y + 0.03f * noise(at * 12, 53));
                return mix(mix(coat, kWhite, sock), kWhite, smoothstep(0.46f, 0.30f, at.y));
            },
            [side](Point at) { return at.y + 0.2f * side * at.x; },
            0.13f,
            0.055f,
            4200,
            0.30f,
            0.20f,
            0.50f};
}

void toes(Canvas& canvas) {
    const auto line = [&](float x, float y, float lean) {
        canvas.stroke(
            {to_canvas({x, y}), to_canvas({x + lean, y + 0.035f}), to_canvas({x + lean, y + 0.075f})},
            0.0034f, 0.0014f, mix(kStripe, kDark, 0.35f), 0.75f);
    };
    for (const float side : {-1.0f, 1.0f}) {
        line(side * 0.175f - 0.048f, 0.895f, -0.006f);
        line(side * 0.175f + 0.048f, 0.895f, 0.006f);
        line(side * 0.46f - 0.05f, 0.895f, -0.006f);
        line(side * 0.46f + 0.05f, 0.895f, 0.006f);
    }
}

}  // namespace

void paint_body(Canvas& canvas) {
    add(canvas, tail(), 101);
    add(canvas, body(), 102);
    for (const float s : {-1.0f, 1.0f}) add(canvas, haunch(s), s > 0 ? 103 : 104);
    add(canvas, bib(), 105);
    for (const float s : {-1.0f, 1.0f}) add(canvas, hind_paw(s), s > 0 ? 106 : 107);
    for (const float s : {-1.0f, 1.0f}) add(canvas, front_leg(s), s > 0 ? 108 : 109);
    toes(canvas);
}

}  // namespace objloc::paint
