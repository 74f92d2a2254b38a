#include "tools/make_assets/paint.h"

#include <algorithm>

namespace objloc::paint {

namespace {

/// A number in 0 .. 1 for each lattice point.
float lattice(int x, int y, uint32_t seed) {
    const Philox4 counter = {{static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0, 0}};
    return uniform01(philox4x32_10(counter, seed, 0).word[0]);
}

float fade(float t) {
    return t * t * t * (t * (t * 6 - 15) + 10);
}

}  // namespace

float noise(Point at, uint32_t seed) {
    const float left = std::floor(at.x), top = std::floor(at.y);
    const int column = static_cast<int>(left), row = static_cast<int>(top);
    const auto slope = [&](int dx,
                           int dy) {  // gradient noise: a random slope through zero at each lattice point
        const float angle = 6.2831853f * lattice(column + dx, row + dy, seed);
        const float x = at.x - left - static_cast<float>(dx), y = at.y - top - static_cast<float>(dy);
        return std::cos(angle) * x + std::sin(angle) * y;
    };
    const float x = fade(at.x - left), y = fade(at.y - top);
    const float upper = slope(0, 0) * (1 - x) + slope(1, 0) * x;
    const float lower = slope(0, 1) * (1 - x) + slope(1, 1) * x;
    return 1.5f * (upper * (1 - y) + lower * y);
}

float fractal(Point at, int octaves, uint32_t seed) {
    float sum = 0, strength = 0.5f;
    for (int i = 0; i < octaves; ++i) {
        sum += strength * noise(at, seed + static_cast<uint32_t>(i));
        at =
            Point{at.x * 2 + 0.37f * at.y, at.y * 2 - 0.37f * at.x};  // turned, so that no grid shows through
        strength *= 0.5f;
    }
    return sum * 1.3f;
}

Cell cells(Point at, uint32_t seed) {
    const int column = static_cast<int>(std::floor(at.x)), row = static_cast<int>(std::floor(at.y));
    Cell found{9, 9, 0, {}};
    for (int y = row - 1; y <= row + 1; ++y) {
        for (int x = column - 1; x <= column + 1; ++x) {
            const Point point = {static_cast<float>(x) + lattice(x, y, seed),
                                 static_cast<float>(y) + lattice(x, y, seed + 1)};
            const float distance = length(at - point);
            if (distance < found.nearest) {
                found = {distance, found.nearest, lattice(x, y, seed + 2), at - point};
            } else {
                found.second = std::min(found.second, distance);
            }
        }
    }
    return found;
}

float ellipse(Point at, Point centre, Point radii, float angle) {
    const Point d = at - centre;
    const float c = std::cos(angle), s = std::sin(angle);
    const Point turned = {c * d.x + s * d.y, c * d.y - s * d.x};
    const Point scaled = {turned.x / radii.x, turned.y / radii.y};
    const Point steep = {scaled.x / radii.x, scaled.y / radii.y};
    const float k = length(scaled);  // first-order distance: (k - 1) / |grad k|
    return k < 1e-4f ? -std::min(radii.x, radii.y) : (k - 1) * k / length(steep);
}

float segment(Point at, Point from, Point to) {
    const Point along = to - from;
    const float t = clamp01(dot(at - from, along) / std::max(dot(along, along), 1e-12f));
    return length(at - from - along * t);
}

float smooth_union(float a, float b, float softness) {
    const float h = std::max(softness - std::fabs(a - b), 0.0f) / softness;
    return std::min(a, b) - h * h * softness * 0.25f;
}

Canvas::Canvas(int width, int height, int oversampling)
    : columns_(width * oversampling),
      rows_(height * oversampling),
      oversampling_(oversampling),
      pixel_(1.0f / static_cast<float>(rows_)),
      pixels_(static_cast<size_t>(columns_) * static_cast<size_t>(rows_)) {
}

Point Canvas::position(int column, int row) const {
    return Point{static_cast<float>(column) + 0.5f, static_cast<float>(row) + 0.5f} * pixel_;
}

void Canvas::put(Pixel& pixel, Colour colour, float opacity) {
    const float keep = 1 - opacity;
    pixel = {pixel.r * keep + clamp01(colour.r) * opacity, pixel.g * keep + clamp01(colour.g) * opacity,
             pixel.b * keep + clamp01(colour.b) * opacity, pixel.a * keep + opacity};
}

void Canvas::shade(const std::function<Colour(Point)>& colour) {
    blend(colour, [](Point) { return 1.0f; });
}

void Canvas::blend(const std::function<Colour(Point)>& colour, const std::function<float(Point)>& opacity) {
    for (int row = 0; row < rows_; ++row) {
        for (int column = 0; column < columns_; ++column) {
            const Point here = position(column, row);
            const float covered = clamp01(opacity(here));
            if (covered > 0) put(at(column, row), colour(here), covered);
        }
    }
}

void Canvas::darken(const std::function<float(Point)>& factor) {
    for (int row = 0; row < rows_; ++row) {
        for (int column = 0; column < columns_; ++column) {
            Pixel& pixel = at(column, row);
            if (pixel.a <= 0) continue;
            const float k = factor(position(column, row));
            pixel = {pixel.r * k, pixel.g * k, pixel.b * k, pixel.a};
        }
    }
}

template <typename Opacity>
void Canvas::fill(Point low, Point high, Colour colour, const Opacity& opacity) {
    const int left = std::max(static_cast<int>(low.x / pixel_) - 1, 0);
    const int top = std::max(static_cast<int>(low.y / pixel_) - 1, 0);
    const int right = std::min(static_cast<int>(high.x / pixel_) + 2, columns_);
    const int bottom = std::min(static_cast<int>(high.y / pixel_) + 2, rows_);
    for (int row = top; row < bottom; ++row) {
        for (int column = left; column < right; ++column) {
            const float covered = opacity(position(column, row));
            if (covered > 0) put(at(column, row), colour, std::min(covered, 1.0f));
        }
    }
}

void Canvas::dab(Point centre, Point radii, float angle, Colour colour, float opacity) {
    const float reach = std::max(radii.x, radii.y);
    const float c = std::cos(angle), s = std::sin(angle);
    fill(centre - Point{reach, reach}, centre + Point{reach, reach}, colour, [&](Point here) {
        const Point d = here - centre;
        const Point scaled = {(c * d.x + s * d.y) / radii.x, (c * d.y - s * d.x) / radii.y};
        return opacity * smoothstep(1.0f, 0.6f, length(scaled));
    });
}

void Canvas::stroke(const std::vector<Point>& path, float first_radius, float last_radius, Colour colour,
                    float opacity) {
    Point low = path[0], high = path[0];
    for (const Point point : path) {
        low = {std::min(low.x, point.x), std::min(low.y, point.y)};
        high = {std::max(high.x, point.x), std::max(high.y, point.y)};
    }
    const float reach = std::max(first_radius, last_radius) + pixel_;
    const float pieces = static_cast<float>(path.size() - 1);
    fill(low - Point{reach, reach}, high + Point{reach, reach}, colour, [&](Point here) {
        float covered = 0;
        for (size_t i = 0; i + 1 < path.size(); ++i) {
            const float t = (static_cast<float>(i) + 0.5f) / pieces;
            const float radius = first_radius + (last_radius - first_radius) * t;
            const float outside = segment(here, path[i], path[i + 1]) - radius;
            covered = std::max(covered, clamp01(0.5f - outside / pixel_));
        }
        return opacity * covered;
    });
}

Image Canvas::picture(int channels) const {
    Image image(columns_ / oversampling_, rows_ / oversampling_, channels);
    const float share = 1.0f / static_cast<float>(oversampling_ * oversampling_);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            Pixel sum;
            for (int i = 0; i < oversampling_ * oversampling_; ++i) {
                const int row = y * oversampling_ + i / oversampling_,
                          column = x * oversampling_ + i % oversampling_;
                const Pixel& part = pixels_[static_cast<size_t>(row) * static_cast<size_t>(columns_) +
                                            static_cast<size_t>(column)];
                sum = {sum.r + part.r, sum.g + part.g, sum.b + part.b, sum.a + part.a};
            }
            const float alpha = sum.a * share, divide = sum.a > 0 ? 1 / sum.a : 0;
            const float values[] = {sum.r * divide, sum.g * divide, sum.b * divide, alpha};
            for (int c = 0; c < channels; ++c) {
                image.at(x, y)[c] = static_cast<uint8_t>(std::lround(255 * clamp01(values[c])));
            }
        }
    }
    return image;
}

}  // namespace objloc::paint
