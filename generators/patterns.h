// Random outlines and fillings for pictures that the program draws itself: distractors and collages.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "objloc/engine/philox.h"
#include "objloc/generators/image.h"

namespace objloc {

/// A sequence of random numbers. Equal (seed, stream, picture) give equal sequences.
class PatternDraws {
  public:
    PatternDraws(uint64_t seed, uint32_t stream, uint64_t picture)
        : seed_(seed), stream_(stream), picture_(picture) {}

    double unit();  // from 0 to 1
    double between(double low, double high) { return low + (high - low) * unit(); }
    bool chance(double probability) { return unit() < probability; }
    int below(int count);  // 0 .. count - 1

  private:
    uint64_t seed_;
    uint32_t stream_;
    uint64_t picture_;
    uint32_t block_ = 0;
    int used_ = 4;
    Philox4 words_{};
};

using Rgb = std::array<double, 3>;  // 0 to 255

/// Two colours that alternate as stripes, squares or dots, or blend into one another, under uneven light. `extent`:
/// the size of the area to fill, in pixels.
class Pattern {
  public:
    Pattern(PatternDraws& draws, double extent);
    Rgb at(double x, double y) const;

  private:
    enum class Kind { stripes, squares, dots, gradient, plain };
    double share_of_second(double u, double v, double along) const;

    Kind kind_;
    Rgb first_, second_;
    double extent_, cosine_, sine_, period_, width_, light_x_, light_y_;
};

/// A closed outline: round, wavy, polygonal or a ring.
class Outline {
  public:
    /// Inside of a circle of this radius, in pixels, around (x, y).
    Outline(PatternDraws& draws, double x, double y, double radius);
    /// The fraction of the pixel around (x, y) that lies inside, from 0 to 1.
    double cover(double x, double y) const;

    double x() const { return x_; }
    double y() const { return y_; }
    /// No pixel that is farther from (x, y) is covered.
    double extent() const { return farthest_ + 1; }

  private:
    double reach(double direction) const;
    void bound_edge();

    static constexpr size_t kHarmonics = 5;  // 2 to 6
    double x_, y_, radius_, flatness_, cosine_, sine_, hole_;
    std::array<double, kHarmonics> amplitude_, phase_;
    int corners_;                // 0: round or wavy
    double nearest_, farthest_;  // bounds of the edge's distance from the centre, before it is flattened
};

/// The colour at (x, y), relative to the centre of what is filled.
using Filling = std::function<Rgb(double x, double y)>;

/// Fills an outline in an RGBA image, over what is there.
void paint(Image& image, const Outline& outline, const Filling& filling);

}  // namespace objloc
