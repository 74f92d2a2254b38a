#include "objloc/generators/distractors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "objloc/engine/philox.h"

namespace objloc {
namespace {

constexpr uint32_t kDistractorStream = 0x64697374;  // apart from all scenes
constexpr int kSide = 96;
constexpr double kFullTurn = 2 * std::numbers::pi;

/// Random numbers of one picture.
class Draws {
  public:
    Draws(uint64_t seed, uint64_t picture) : seed_(seed), picture_(picture) {}

    double unit() {
        if (used_ == 4) {
            words_ = philox_at(seed_, kDistractorStream, picture_, block_++);
            used_ = 0;
        }
        return double{uniform01(words_.word[used_++])};
    }
    double between(double low, double high) { return low + (high - low) * unit(); }
    int below(int count) { return std::min(count - 1, static_cast<int>(unit() * count)); }

  private:
    uint64_t seed_, picture_;
    uint32_t block_ = 0;
    int used_ = 4;
    Philox4 words_{};
};

using Colour3 = std::array<double, 3>;  // red, green, blue, 0 to 255

Colour3 draw_colour(Draws& draws) {
    const double light = draws.between(30, 255), saturation = draws.between(0, 1), hue = draws.unit();
    Colour3 colour{};
    for (size_t c = 0; c < 3; ++c) {
        const double wave = 0.5 + 0.5 * std::cos(kFullTurn * (hue - static_cast<double>(c) / 3));
        colour[c] = light * (1 - saturation + saturation * wave);
    }
    return colour;
}

/// Two colours and how they alternate over the picture.
struct Pattern {
    enum class Kind { stripes, squares, dots, gradient, plain } kind;
    Colour3 first, second;
    double cosine, sine, period, share;
    double light_x, light_y;  // how brightness changes from edge to edge

    Colour3 at(double x, double y) const {
        const double u = (x * cosine + y * sine) / period, v = (y * cosine - x * sine) / period;
        const double blend = share_of_second(u - std::floor(u), v - std::floor(v), u * period / kSide);
        const double light = 1 + light_x * (x / kSide - 0.5) + light_y * (y / kSide - 0.5);
        Colour3 colour{};
        for (size_t c = 0; c < 3; ++c) colour[c] = light * (first[c] + blend * (second[c] - first[c]));
        return colour;
    }

  private:
    double share_of_second(double u, double v, double along) const {
        switch (kind) {
            case Kind::stripes:
                return u < share ? 1 : 0;
            case Kind::squares:
                return (u < 0.5) != (v < 0.5) ? 1 : 0;
            case Kind::dots:
                return std::hypot(u - 0.5, v - 0.5) < share / 2 ? 1 : 0;
            case Kind::gradient:
                return std::clamp(along + 0.5, 0.0, 1.0);
            case Kind::plain:
                return 0;
        }
        return 0;
    }
};

Pattern draw_pattern(Draws& draws) {
    Pattern pattern{};
    pattern.kind = static_cast<Pattern::Kind>(draws.below(5));
    pattern.first = draw_colour(draws), pattern.second = draw_colour(draws);
    const double angle = draws.between(0, kFullTurn);
    pattern.cosine = std::cos(angle), pattern.sine = std::sin(angle);
    pattern.period = draws.between(4, 32), pattern.share = draws.between(0.3, 0.7);
    pattern.light_x = draws.between(-0.6, 0.6), pattern.light_y = draws.between(-0.6, 0.6);
    return pattern;
}

/// A closed outline around a point, in polar form: a radius for each direction.
struct Outline {
    double x, y, radius, flatness, cosine, sine;
    std::array<double, 5> wave, phase;  // of the harmonics 2 to 6
    int corners;                        // 0: round
    double hole;                        // inner radius in outer ones; 0: none

    /// How much of a pixel it covers.
    double cover(double px, double py) const {
        const double u = (px - x) * cosine + (py - y) * sine,
                     v = ((py - y) * cosine - (px - x) * sine) / flatness;
        const double away = std::hypot(u, v), edge = radius * reach(std::atan2(v, u));
        const double inside = std::min(edge - away, away - hole * edge + (hole > 0 ? 0 : 1));
        return std::clamp(inside + 0.5, 0.0, 1.0);
    }

  private:
    double reach(double direction) const {
        if (corners > 0) {
            const double sector = kFullTurn / corners,
                         within = direction - sector * std::floor(direction / sector);
            return std::cos(sector / 2) / std::cos(within - sector / 2);
        }
        double sum = 1;
        for (size_t k = 0; k < wave.size(); ++k)
            sum += wave[k] * std::cos(static_cast<double>(k + 2) * direction + phase[k]);
        return sum;
    }
};

Outline draw_outline(Draws& draws, double radius) {
    Outline outline{};
    const double room = kSide / 2.0 - radius;
    outline.x = kSide / 2.0 + draws.between(-room, room),
    outline.y = kSide / 2.0 + draws.between(-room, room);
    outline.flatness = draws.between(0.4, 1);
    const double angle = draws.between(0, kFullTurn);
    outline.cosine = std::cos(angle), outline.sine = std::sin(angle);
    const double waviness = draws.unit() < 0.5 ? 0.12 : 0;
    for (size_t k = 0; k < outline.wave.size(); ++k) {
        outline.wave[k] = draws.between(-waviness, waviness);
        outline.phase[k] = draws.between(0, kFullTurn);
    }
    outline.corners = draws.unit() < 0.4 ? 3 + draws.below(5) : 0;
    outline.hole = draws.unit() < 0.2 ? draws.between(0.4, 0.7) : 0;
    outline.radius = radius * (waviness > 0 ? 0.7 : 0.95);
    return outline;
}

void paint(Image& image, const Outline& outline, const Pattern& pattern) {
    for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
            const double cover = outline.cover(x + 0.5, y + 0.5);
            if (cover <= 0) continue;
            uint8_t* pixel = image.at(x, y);
            const Colour3 colour = pattern.at(x - kSide / 2.0, y - kSide / 2.0);
            const double before = pixel[3] / 255.0 * (1 - cover), after = before + cover;
            for (size_t c = 0; c < 3; ++c) {
                const double mixed = (pixel[c] * before + std::clamp(colour[c], 0.0, 255.0) * cover) / after;
                pixel[c] = static_cast<uint8_t>(std::lround(mixed));
            }
            pixel[3] = static_cast<uint8_t>(std::lround(255 * after));
        }
    }
}

Image draw_distractor(uint64_t seed, uint64_t number) {
    Draws draws(seed, number);
    Image image(kSide, kSide, 4);
    const double radius = kSide * draws.between(0.35, 0.5);
    paint(image, draw_outline(draws, radius), draw_pattern(draws));
    const int parts = draws.below(3);
    for (int part = 0; part < parts; ++part) {
        paint(image, draw_outline(draws, radius * draws.between(0.3, 0.7)), draw_pattern(draws));
    }
    return image;
}

}  // namespace

std::vector<Image> draw_distractors(int count, uint64_t seed) {
    std::vector<Image> pictures;
    for (int i = 0; i < count; ++i) pictures.push_back(draw_distractor(seed, static_cast<uint64_t>(i)));
    return pictures;
}

}  // namespace objloc
