// Separable resampling in 8-bit fixed point: a horizontal pass, rounded to bytes, then a vertical one.
//
//   out[i] = clip((half + sum over j of in[first_i + j] * weight_i[j]) >> 22)
//   weight_i[j] = round(2^22 * bicubic((first_i + j + 0.5 - centre_i) / stretch) / sum of the same)
//
// centre_i = (i + 0.5) * scale, scale = in / out, stretch = max(scale, 1). Weights are computed in double
// precision; a pass that changes no size is left out. Both matter for equality with Pillow to the last bit.
// Source: Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981.
#include "objloc/generators/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"

namespace objloc {

namespace {

constexpr int kFractionBits = 32 - 8 - 2;  // a byte times a weight, with room for the weights' overshoot
constexpr double kReach = 2.0;             // the bicubic kernel is zero from here on

double bicubic(double x) {
    constexpr double a = -0.5;
    x = std::fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

/// The inputs that one output is the weighted sum of.
struct Window {
    int first = 0;
    std::vector<int32_t> weights;
};

Window window_of(int output, int in, int out) {
    const double scale = static_cast<double>(in) / out, stretch = std::max(scale, 1.0);
    const double reach = kReach * stretch, centre = (output + 0.5) * scale, shrink = 1.0 / stretch;
    const int first = std::max(static_cast<int>(std::floor(centre - reach + 0.5)), 0);
    const int last = std::min(static_cast<int>(std::floor(centre + reach + 0.5)), in);

    std::vector<double> exact;
    double sum = 0.0;
    for (int i = 0; i < last - first; ++i) {
        exact.push_back(bicubic((i + first - centre + 0.5) * shrink));
        sum += exact.back();
    }
    Window window{first, {}};
    for (const double weight : exact) {
        const double fixed = weight / sum * (1 << kFractionBits);
        window.weights.push_back(static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
    return window;
}

std::vector<Window> windows_of(int in, int out) {
    std::vector<Window> windows;
    windows.reserve(static_cast<size_t>(out));
    for (int i = 0; i < out; ++i) windows.push_back(window_of(i, in, out));
    return windows;
}

/// `from` is the first sample of the window, the others follow `stride` bytes apart.
uint8_t weighted_sum(const Window& window, const uint8_t* from, size_t stride) {
    int32_t sum = 1 << (kFractionBits - 1);
    for (const int32_t weight : window.weights) {
        sum += *from * weight;
        from += stride;
    }
    return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Image resize_rows(const Image& image, int width) {
    const std::vector<Window> windows = windows_of(image.width, width);
    Image out(width, image.height, image.channels);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < width; ++x) {
            const Window& window = windows[static_cast<size_t>(x)];
            for (int c = 0; c < image.channels; ++c) {
                out.at(x, y)[c] =
                    weighted_sum(window, image.at(window.first, y) + c, static_cast<size_t>(image.channels));
            }
        }
    }
    return out;
}

Image resize_columns(const Image& image, int height) {
    const std::vector<Window> windows = windows_of(image.height, height);
    const size_t row_bytes = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
    Image out(image.width, height, image.channels);
    for (int y = 0; y < height; ++y) {
        const Window& window = windows[static_cast<size_t>(y)];
        for (size_t i = 0; i < row_bytes; ++i) {
            out.at(0, y)[i] = weighted_sum(window, image.at(0, window.first) + i, row_bytes);
        }
    }
    return out;
}

/// a * b / 255, rounded to nearest.
uint8_t multiply_fractions(uint8_t a, uint8_t b) {
    const uint32_t product = uint32_t{a} * b + 128;
    return static_cast<uint8_t>(((product >> 8) + product) >> 8);
}

/// Without this, the colour of transparent pixels would bleed over the edge.
Image premultiplied(Image image) {
    for (size_t i = 0; i < image.pixels.size(); i += 4) {
        uint8_t* pixel = image.pixels.data() + i;
        for (int c = 0; c < 3; ++c) pixel[c] = multiply_fractions(pixel[c], pixel[3]);
    }
    return image;
}

/// The inverse; rounds down, and leaves the colour of transparent pixels as it is.
Image divided(Image image) {
    for (size_t i = 0; i < image.pixels.size(); i += 4) {
        uint8_t* pixel = image.pixels.data() + i;
        if (pixel[3] == 0 || pixel[3] == 255) continue;
        for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>(std::min(255 * pixel[c] / pixel[3], 255));
    }
    return image;
}

}  // namespace

Image resize(const Image& image, int width, int height) {
    if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide) {
        throw Error("resize", fmt::format("{} x {} is no size for an image", width, height),
                    fmt::format("Sides run from 1 to {} pixels.", kMaxImageSide));
    }
    if (width == image.width && height == image.height) return image;
    Image result = image.channels == 4 ? premultiplied(image) : image;
    if (width != result.width) result = resize_rows(result, width);
    if (height != result.height) result = resize_columns(result, height);
    return image.channels == 4 ? divided(std::move(result)) : result;
}

}  // namespace objloc
