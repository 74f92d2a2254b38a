#include "tools/make_assets/fur.h"

#include <algorithm>

namespace objloc::paint {

namespace {

Point slope(const Scalar& field, Point at) {
    constexpr float step = 0.01f;
    const Point g = {field({at.x + step, at.y}) - field({at.x - step, at.y}),
                     field({at.x, at.y + step}) - field({at.x, at.y - step})};
    return g * (1 / std::max(length(g), 1e-6f));
}

/// Light from above, a little from the left, on a surface that is round near the part's edge.
float light(const Part& part, Point at) {
    const float t = clamp01(-part.distance(at) / part.roundness);
    const float lean = 1 - t;  // 1 at the edge, where the surface turns away
    const Point away = slope(part.distance, at);
    const float up = std::sqrt(std::max(1 - lean * lean, 0.0f));
    const float facing = -0.32f * away.x * lean - 0.70f * away.y * lean + 0.64f * up;
    return 0.52f + 0.56f * std::max(facing, 0.0f) - 0.06f * lean;
}

/// Hairs from the far end of the coat to its near end, so that each lies over the roots of those behind it.
void comb(Canvas& canvas, const Part& part, uint64_t seed) {
    Random random(seed);
    std::vector<Point> roots;
    for (int tries = 0; tries < 40 * part.hairs && roots.size() < static_cast<size_t>(part.hairs); ++tries) {
        const Point at = {random.between(-1.2f, 1.2f), random.between(-1.2f, 1.2f)};
        if (part.distance(at) < -0.004f && random.uniform() < part.presence(at)) roots.push_back(at);
    }
    std::sort(roots.begin(), roots.end(), [&](Point a, Point b) { return part.combed(a) > part.combed(b); });
    for (const Point root : roots) {
        const float grey = light(part, root) * random.between(0.80f, 1.17f);
        const Colour colour = part.colour(root) * grey;
        const float reach = part.hair * random.between(0.5f, 1.1f), bend = random.between(-0.5f, 0.5f);
        std::vector<Point> path = {to_canvas(root)};
        Point at = root;
        for (int i = 0; i < 4; ++i) {
            const Point along = slope(part.combed, at);
            const float turn = bend * 0.35f * static_cast<float>(i);
            at = at + Point{along.x - along.y * turn, along.y + along.x * turn} * (reach / 4);
            path.push_back(to_canvas(at));
        }
        canvas.stroke(path, 0.0017f, 0.0004f, colour, 0.75f);
    }
}

}  // namespace

void add(Canvas& canvas, const Part& part, uint64_t seed) {
    canvas.darken([&](Point canvas_point) {
        const Point at = to_cat(canvas_point);
        const float near = smoothstep(0.13f, -0.06f, part.distance({at.x - 0.01f, at.y - 0.05f}));
        return 1 - part.shadow * near * part.presence(at);
    });
    canvas.blend([&](Point p) { return part.colour(to_cat(p)) * light(part, to_cat(p)); },
                 [&](Point p) {
                     const Point at = to_cat(p);
                     return smoothstep(0.008f, -0.008f, part.distance(at)) * part.presence(at);
                 });
    comb(canvas, part, seed);
}

float bands(float along, Point at, float count, uint32_t seed) {
    const float wave = std::sin(6.2831853f * (count * along) + 1.6f * fractal(at * 3, 3, seed));
    return smoothstep(0.05f, 0.65f, wave) * (0.75f + 0.25f * fractal(at * 9, 2, seed + 7));
}

Colour ginger(Point at, float striped, uint32_t seed) {
    const float patch = 0.5f + 0.5f * fractal(at * 4, 3, seed);
    return mix(mix(kGinger, kPale, 0.55f * patch), kStripe, clamp01(striped));
}

}  // namespace objloc::paint
