#include "objloc/generators/augmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "objloc/engine/philox.h"
#include "objloc/generators/backgrounds.h"
#include "objloc/generators/resize.h"
#include "objloc/generators/sprite_atlas.h"

namespace objloc {
namespace {

enum : uint32_t { kSpriteStream = 0x73707269, kBackgroundStream = 0x6261636b };  // apart from all scenes

constexpr double kMostDegrees = 15, kLeastBrightness = 0.75, kMostBrightness = 1.25, kMostBlur = 1.0 / 64,
                 kLeastCut = 0.5;

double between(uint32_t word, double low, double high) {
    return low + (high - low) * double{uniform01(word)};
}

/// RGBA with its colours times its opacity, so that what is invisible does not bleed into sums.
using Premultiplied = std::array<double, 4>;

Premultiplied premultiplied(const uint8_t* pixel) {
    const double opacity = pixel[3] / 255.0;
    return {pixel[0] * opacity, pixel[1] * opacity, pixel[2] * opacity, double(pixel[3])};
}

/// Nothing outside of the image.
Premultiplied premultiplied_at(const Image& image, int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
    return inside ? premultiplied(image.at(x, y)) : Premultiplied{};
}

uint8_t to_byte(double value) {
    return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

void store(const Premultiplied& sum, uint8_t* pixel) {
    const double scale = sum[3] > 0 ? 255 / sum[3] : 0;
    for (size_t c = 0; c < 3; ++c) pixel[c] = to_byte(sum[c] * scale);
    pixel[3] = to_byte(sum[3]);
}

void add(Premultiplied& sum, const Premultiplied& pixel, double weight) {
    for (size_t c = 0; c < 4; ++c) sum[c] += weight * pixel[c];
}

/// Between the four pixels around (x, y).
Premultiplied sample(const Image& image, double x, double y) {
    const double left = std::floor(x), top = std::floor(y), right = x - left, down = y - top;
    const int column = static_cast<int>(left), row = static_cast<int>(top);
    Premultiplied sum{};
    add(sum, premultiplied_at(image, column, row), (1 - right) * (1 - down));
    add(sum, premultiplied_at(image, column + 1, row), right * (1 - down));
    add(sum, premultiplied_at(image, column, row + 1), (1 - right) * down);
    add(sum, premultiplied_at(image, column + 1, row + 1), right * down);
    return sum;
}

/// One direction of the blur: (1, 0) along rows, (0, 1) along columns.
Image blurred_along(const Image& image, const std::vector<double>& weights, int right, int down) {
    const int reach = static_cast<int>(weights.size()) - 1;
    Image result(image.width, image.height, 4);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            Premultiplied sum{};
            for (int k = -reach; k <= reach; ++k) {
                const double weight = weights[static_cast<size_t>(std::abs(k))];
                add(sum, premultiplied_at(image, x + k * right, y + k * down), weight);
            }
            store(sum, result.at(x, y));
        }
    }
    return result;
}

Image another_look(const Image& sprite, const Philox4& random, const Philox4& more) {
    const double longest = std::max(sprite.width, sprite.height);
    Image image = rotated(sprite, between(random.word[0], -kMostDegrees, kMostDegrees));
    image = brightened(image, between(random.word[1], kLeastBrightness, kMostBrightness));
    image = blurred(image, between(random.word[2], 0, kMostBlur) * longest);
    if (more.word[0] % 2 == 1) image = mirrored(image);
    return trim_sprite(image, "sprite");
}

Image another_cut(const Image& photograph, int side, const Philox4& random) {
    const int shorter = std::min(photograph.width, photograph.height);
    const int cut = std::max(1, static_cast<int>(between(random.word[0], kLeastCut, 1) * shorter));
    const int x = randint(random.word[1], 0, photograph.width - cut + 1);
    const int y = randint(random.word[2], 0, photograph.height - cut + 1);
    const Image square = make_background(crop(photograph, x, y, cut, cut), side);
    return random.word[3] % 2 == 1 ? mirrored(square) : square;
}

}  // namespace

std::vector<Image> sprite_variants(const Image& sprite, int count, uint64_t seed) {
    std::vector<Image> looks = {sprite};
    for (uint64_t i = 1; i < static_cast<uint64_t>(count); ++i) {
        looks.push_back(
            another_look(sprite, philox_at(seed, kSpriteStream, i, 0), philox_at(seed, kSpriteStream, i, 1)));
    }
    return looks;
}

std::vector<Image> background_variants(const Image& photograph, int side, int count, uint64_t seed,
                                       uint64_t which) {
    std::vector<Image> cuts = {make_background(photograph, side)};
    for (uint32_t i = 1; i < static_cast<uint32_t>(count); ++i)
        cuts.push_back(another_cut(photograph, side, philox_at(seed, kBackgroundStream, which, i)));
    return cuts;
}

Image mirrored(const Image& image) {
    Image result(image.width, image.height, image.channels);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x)
            std::copy_n(image.at(image.width - 1 - x, y), image.channels, result.at(x, y));
    }
    return result;
}

Image rotated(const Image& image, double degrees) {
    const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
    const auto extent = [&](double along, double across) {
        return static_cast<int>(std::ceil(along * std::abs(cosine) + across * std::abs(sine) - 1e-9));
    };
    Image result(extent(image.width, image.height), extent(image.height, image.width), 4);
    for (int y = 0; y < result.height; ++y) {
        for (int x = 0; x < result.width; ++x) {
            // Where this pixel's centre was before the turn, both taken from the middles.
            const double right = x + 0.5 - result.width / 2.0, down = y + 0.5 - result.height / 2.0;
            const double from_x = cosine * right - sine * down + image.width / 2.0 - 0.5;
            const double from_y = sine * right + cosine * down + image.height / 2.0 - 0.5;
            store(sample(image, from_x, from_y), result.at(x, y));
        }
    }
    return result;
}

Image brightened(const Image& image, double factor) {
    Image result = image;
    for (size_t i = 0; i < result.pixels.size(); ++i) {
        const bool opacity = image.channels == 4 && i % 4 == 3;
        if (!opacity) result.pixels[i] = to_byte(factor * result.pixels[i]);
    }
    return result;
}

Image blurred(const Image& image, double deviation) {
    const int reach = static_cast<int>(std::ceil(3 * deviation));
    if (reach == 0) return image;
    std::vector<double> weights;
    double total = 0;
    for (int k = 0; k <= reach; ++k) {
        weights.push_back(std::exp(-k * k / (2 * deviation * deviation)));
        total += k == 0 ? weights.back() : 2 * weights.back();
    }
    for (double& weight : weights) weight /= total;
    return blurred_along(blurred_along(image, weights, 1, 0), weights, 0, 1);
}

}  // namespace objloc
