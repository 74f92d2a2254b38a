#include "objloc/generators/patterns.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace objloc {
namespace {

constexpr double kFullTurn = 2 * std::numbers::pi;

Rgb draw_colour(PatternDraws& draws) {
    const double light = draws.between(30, 255), saturation = draws.unit(), hue = draws.unit();
    Rgb colour{};
    for (size_t c = 0; c < 3; ++c) {
        const double wave = 0.5 + 0.5 * std::cos(kFullTurn * (hue - static_cast<double>(c) / 3));
        colour[c] = light * (1 - saturation + saturation * wave);
    }
    return colour;
}

double fraction(double value) {
    return value - std::floor(value);
}

/// Blends a colour into a pixel that may be transparent.
void blend(uint8_t* pixel, const Rgb& colour, double cover) {
    const double before = pixel[3] / 255.0 * (1 - cover), after = before + cover;
    for (size_t c = 0; c < 3; ++c) {
        const double mixed = (pixel[c] * before + std::clamp(colour[c], 0.0, 255.0) * cover) / after;
        pixel[c] = static_cast<uint8_t>(std::lround(mixed));
    }
    pixel[3] = static_cast<uint8_t>(std::lround(255 * after));
}

}  // namespace

double PatternDraws::unit() {
    if (used_ == 4) {
        words_ = philox_at(seed_, stream_, picture_, block_++);
        used_ = 0;
    }
    return double{uniform01(words_.word[used_++])};
}

int PatternDraws::below(int count) {
    return std::min(count - 1, static_cast<int>(unit() * count));
}

Pattern::Pattern(PatternDraws& draws, double extent) : extent_(extent) {
    kind_ = static_cast<Kind>(draws.below(5));
    first_ = draw_colour(draws), second_ = draw_colour(draws);
    const double angle = draws.between(0, kFullTurn);
    cosine_ = std::cos(angle), sine_ = std::sin(angle);
    period_ = extent * draws.between(0.04, 0.35), width_ = draws.between(0.3, 0.7);
    light_x_ = draws.between(-0.6, 0.6), light_y_ = draws.between(-0.6, 0.6);
}

double Pattern::share_of_second(double u, double v, double along) const {
    switch (kind_) {
        case Kind::stripes:
            return u < width_ ? 1 : 0;
        case Kind::squares:
            return (u < 0.5) != (v < 0.5) ? 1 : 0;
        case Kind::dots:
            return std::hypot(u - 0.5, v - 0.5) < width_ / 2 ? 1 : 0;
        case Kind::gradient:
            return std::clamp(along + 0.5, 0.0, 1.0);
        case Kind::plain:
            return 0;
    }
    return 0;
}

Rgb Pattern::at(double x, double y) const {
    const double along = x * cosine_ + y * sine_, across = y * cosine_ - x * sine_;
    const double share =
        share_of_second(fraction(along / period_), fraction(across / period_), along / extent_);
    const double light = 1 + light_x_ * x / extent_ + light_y_ * y / extent_;
    Rgb colour{};
    for (size_t c = 0; c < 3; ++c) colour[c] = light * (first_[c] + share * (second_[c] - first_[c]));
    return colour;
}

Outline::Outline(PatternDraws& draws, double x, double y, double radius) : x_(x), y_(y) {
    flatness_ = draws.between(0.4, 1);
    const double angle = draws.between(0, kFullTurn);
    cosine_ = std::cos(angle), sine_ = std::sin(angle);
    const double waviness = draws.chance(0.5) ? 0.08 : 0;
    for (size_t k = 0; k < kHarmonics; ++k) {
        amplitude_[k] = draws.between(-waviness, waviness);
        phase_[k] = draws.between(0, kFullTurn);
    }
    corners_ = draws.chance(0.4) ? 3 + draws.below(5) : 0;
    hole_ = draws.chance(0.2) ? draws.between(0.4, 0.7) : 0;
    radius_ = radius / (1 + waviness * static_cast<double>(kHarmonics));
    bound_edge();
}

double Outline::reach(double direction) const {
    if (corners_ > 0) {
        const double sector = kFullTurn / corners_, within = sector * fraction(direction / sector);
        return std::cos(sector / 2) / std::cos(within - sector / 2);
    }
    double sum = 1;
    for (size_t k = 0; k < kHarmonics; ++k)
        sum += amplitude_[k] * std::cos(static_cast<double>(k + 2) * direction + phase_[k]);
    return sum;
}

void Outline::bound_edge() {
    double waves = 0;
    for (const double amplitude : amplitude_) waves += std::abs(amplitude);
    nearest_ = radius_ * (corners_ > 0 ? std::cos(std::numbers::pi / corners_) : 1 - waves);
    farthest_ = radius_ * (corners_ > 0 ? 1 : 1 + waves);
}

double Outline::cover(double x, double y) const {
    const double u = (x - x_) * cosine_ + (y - y_) * sine_,
                 v = ((y - y_) * cosine_ - (x - x_) * sine_) / flatness_;
    // Most pixels lie well inside or outside, and need no trigonometry.
    const double away = std::sqrt(u * u + v * v);
    if (away > farthest_ + 1) return 0;
    if (away < nearest_ - 1 && hole_ == 0) return 1;
    const double edge = radius_ * reach(std::atan2(v, u));
    const double inside = hole_ > 0 ? std::min(edge - away, away - hole_ * edge) : edge - away;
    return std::clamp(inside + 0.5, 0.0, 1.0);
}

void paint(Image& image, const Outline& outline, const Filling& filling) {
    const auto from = [](double at) { return std::max(0, static_cast<int>(std::floor(at))); };
    const auto to = [](double at, int end) { return std::min(end, static_cast<int>(std::ceil(at))); };
    const double reach = outline.extent();
    for (int y = from(outline.y() - reach); y < to(outline.y() + reach, image.height); ++y) {
        for (int x = from(outline.x() - reach); x < to(outline.x() + reach, image.width); ++x) {
            const double cover = outline.cover(x + 0.5, y + 0.5);
            if (cover > 0) blend(image.at(x, y), filling(x - outline.x(), y - outline.y()), cover);
        }
    }
}

}  // namespace objloc
