#include "objloc/generators/collages.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "objloc/generators/patterns.h"

namespace objloc {
namespace {

constexpr uint32_t kCollageStream = 0x636f6c6c;  // apart from all scenes
constexpr int kSide = 384, kPieces = 70;
constexpr double kLargest = 0.6, kSmallest = 0.03;  // radius of a piece, in sides
constexpr double kPhotographShare = 0.7;            // of all pieces; the others are patterns

/// A part of a photograph, turned, scaled and tinted. Beyond its edges the photograph continues mirrored.
class PhotographPiece {
  public:
    PhotographPiece(const Image& photograph, PatternDraws& draws) : photograph_(photograph) {
        const double shorter = std::min(photograph.width, photograph.height);
        const double scale = shorter / kSide * std::exp2(draws.between(-1.5, 0.5));
        const double angle = draws.chance(0.5) ? draws.between(0, 2 * std::numbers::pi) : 0;
        across_ = scale * std::cos(angle), down_ = scale * std::sin(angle);
        x_ = draws.between(0, photograph.width), y_ = draws.between(0, photograph.height);
        const double gain = std::exp2(draws.between(-0.7, 0.5));
        for (double& channel : gain_) channel = gain * draws.between(0.8, 1.2);
    }

    Rgb at(double x, double y) const {
        const int column = mirrored(x_ + x * across_ - y * down_, photograph_.width),
                  row = mirrored(y_ + x * down_ + y * across_, photograph_.height);
        const uint8_t* pixel = photograph_.at(column, row);
        return {gain_[0] * pixel[0], gain_[1] * pixel[1], gain_[2] * pixel[2]};
    }

  private:
    static int mirrored(double at, int length) {
        const int period = 2 * length, whole = static_cast<int>(std::floor(at)) % period;
        const int inside = whole < 0 ? whole + period : whole;
        return inside < length ? inside : period - 1 - inside;
    }

    const Image& photograph_;
    double across_, down_, x_, y_;
    Rgb gain_;
};

const Image& any_of(const std::vector<Image>& photographs, PatternDraws& draws) {
    return photographs[static_cast<size_t>(draws.below(static_cast<int>(photographs.size())))];
}

void fill(Image& image, const PhotographPiece& piece) {
    for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
            const Rgb colour = piece.at(x - kSide / 2, y - kSide / 2);
            uint8_t* pixel = image.at(x, y);
            for (size_t c = 0; c < 3; ++c)
                pixel[c] = static_cast<uint8_t>(std::lround(std::clamp(colour[c], 0.0, 255.0)));
            pixel[3] = 255;
        }
    }
}

void add_piece(Image& image, const std::vector<Image>& photographs, PatternDraws& draws, double radius) {
    const double x = draws.between(0, kSide), y = draws.between(0, kSide);
    const Outline outline(draws, x, y, radius);
    if (draws.chance(kPhotographShare)) {
        const PhotographPiece piece(any_of(photographs, draws), draws);
        paint(image, outline, [&](double across, double down) { return piece.at(across, down); });
    } else {
        const Pattern pattern(draws, 2 * radius);
        paint(image, outline, [&](double across, double down) { return pattern.at(across, down); });
    }
}

Image make_collage(const std::vector<Image>& photographs, uint64_t seed, uint64_t number) {
    PatternDraws draws(seed, kCollageStream, number);
    Image image(kSide, kSide, 4);
    fill(image, PhotographPiece(any_of(photographs, draws), draws));
    // Large pieces first, so that all stay visible. Sizes are even on a logarithmic scale.
    for (int i = 0; i < kPieces; ++i) {
        const double share = static_cast<double>(i) / (kPieces - 1);
        add_piece(image, photographs, draws, kSide * kLargest * std::pow(kSmallest / kLargest, share));
    }
    return to_rgb(image);
}

}  // namespace

std::vector<Image> make_collages(const std::vector<Image>& photographs, int count, uint64_t seed) {
    std::vector<Image> collages;
    for (int i = 0; i < count; ++i)
        collages.push_back(make_collage(photographs, seed, static_cast<uint64_t>(i)));
    return collages;
}

}  // namespace objloc
