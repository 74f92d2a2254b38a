// A painter's kit for the pictures that come with the program: a canvas that is larger than the picture,
// strokes and dabs laid over each other, noise, and random numbers that are the same on every machine.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "objloc/engine/philox.h"
#include "objloc/generators/image.h"

namespace objloc::paint {

struct Point {
    float x = 0, y = 0;
};
inline Point operator+(Point a, Point b) {
    return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
    return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float k) {
    return {a.x * k, a.y * k};
}
inline float dot(Point a, Point b) {
    return a.x * b.x + a.y * b.y;
}
inline float length(Point a) {
    return std::sqrt(dot(a, a));
}

/// Light of a colour, 0 to 1 in each channel, as the screen has it.
struct Colour {
    float r = 0, g = 0, b = 0;
};
inline Colour operator+(Colour a, Colour b) {
    return {a.r + b.r, a.g + b.g, a.b + b.b};
}
inline Colour operator*(Colour a, float k) {
    return {a.r * k, a.g * k, a.b * k};
}
inline Colour mix(Colour a, Colour b, float t) {
    return a * (1 - t) + b * t;
}

inline float clamp01(float x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}
inline float smoothstep(float low, float high, float x) {
    const float t = clamp01((x - low) / (high - low));
    return t * t * (3 - 2 * t);
}

class Random {
  public:
    explicit Random(uint64_t seed) : seed_(seed) {}
    float uniform() { return uniform01(philox_at(seed_, 0, next_++, 0).word[0]); }
    float between(float low, float high) { return low + (high - low) * uniform(); }

  private:
    uint64_t seed_, next_ = 0;
};

/// Smooth noise of one octave, about -1 .. 1, one bump per unit.
float noise(Point at, uint32_t seed);
/// Octaves of it, each twice as fine and half as strong; about -1 .. 1.
float fractal(Point at, int octaves, uint32_t seed);
/// Distances to the nearest and second nearest of points scattered one to a unit square, and the nearest's
/// cell.
struct Cell {
    float nearest, second;
    float hash;    // 0 .. 1, the cell's own number
    Point offset;  // from the nearest point
};
Cell cells(Point at, uint32_t seed);

/// Signed distances: negative inside.
float ellipse(Point at, Point centre, Point radii, float angle = 0);
float segment(Point at, Point from, Point to);
float smooth_union(float a, float b, float softness);

/// Coordinates: x from 0 to width/height, y from 0 at the top to 1; premultiplied RGBA inside.
class Canvas {
  public:
    /// The picture's size in pixels and how many canvas pixels make one of its own, per side.
    Canvas(int width, int height, int oversampling);

    float aspect() const { return static_cast<float>(columns_) / static_cast<float>(rows_); }
    /// Every pixel anew, opaque.
    void shade(const std::function<Colour(Point)>& colour);
    /// Every pixel of the rows between, blended with an opacity of its own.
    void blend(const std::function<Colour(Point)>& colour, const std::function<float(Point)>& opacity);
    /// Multiplies what is there, leaving its opacity.
    void darken(const std::function<float(Point)>& factor);
    /// A soft-edged ellipse.
    void dab(Point centre, Point radii, float angle, Colour colour, float opacity);
    /// A brush stroke through points, tapering from one radius to another.
    void stroke(const std::vector<Point>& path, float first_radius, float last_radius, Colour colour,
                float opacity);

    /// Averaged down to the picture's size, with 3 or 4 channels.
    Image picture(int channels) const;

  private:
    struct Pixel {
        float r = 0, g = 0, b = 0, a = 0;
    };
    Point position(int column, int row) const;
    Pixel& at(int column, int row) {
        return pixels_[static_cast<size_t>(row) * static_cast<size_t>(columns_) +
                       static_cast<size_t>(column)];
    }
    void put(Pixel& pixel, Colour colour, float opacity);
    /// Blends by opacity(point) over the bounding box of two corners.
    template <typename Opacity>
    void fill(Point low, Point high, Colour colour, const Opacity& opacity);

    int columns_, rows_, oversampling_;
    float pixel_;  // side of a canvas pixel
    std::vector<Pixel> pixels_;
};

}  // namespace objloc::paint
