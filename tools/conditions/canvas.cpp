#include "tools/conditions/canvas.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "objloc/generators/resize.h"

namespace objloc::conditions {
namespace {

constexpr int kSamples = 4;  // a side of a pixel

/// Colour times alpha in bytes, and alpha from 0 to 1.
struct Sample {
    double colour[3] = {0, 0, 0}, alpha = 0;
};

/// Bilinear at (u, v) in fractions of the picture's sides; nothing beyond its border.
Sample sample(const Image& picture, double u, double v) {
    const double x = u * picture.width - 0.5, y = v * picture.height - 0.5;
    const int left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
    Sample sum;
    for (int row = top; row <= top + 1; ++row) {
        for (int column = left; column <= left + 1; ++column) {
            if (row < 0 || column < 0 || row >= picture.height || column >= picture.width) continue;
            const double weight = (1 - std::abs(x - column)) * (1 - std::abs(y - row));
            const uint8_t* pixel = picture.at(column, row);
            const double alpha = weight * pixel[3] / 255;
            for (int c = 0; c < 3; ++c) sum.colour[c] += alpha * pixel[c];
            sum.alpha += alpha;
        }
    }
    return sum;
}

/// From a pixel's position to the picture under it.
class Inverse {
  public:
    explicit Inverse(const Pose& pose)
        : pose_(pose), cosine_(std::cos(pose.turn)), sine_(std::sin(pose.turn)) {}

    Sample operator()(const Image& picture, double x, double y) const {
        const double dx = x - pose_.x, dy = y - pose_.y;
        const double across = (cosine_ * dx + sine_ * dy) / pose_.width,
                     down = (cosine_ * dy - sine_ * dx) / pose_.height;
        const double near = 1 + pose_.tilt_x * across + pose_.tilt_y * down;
        const double u = across / near + 0.5;
        return sample(picture, pose_.mirrored ? 1 - u : u, down / near + 0.5);
    }

  private:
    Pose pose_;
    double cosine_, sine_;
};

Sample pixel_sample(const Inverse& inverse, const Image& picture, int x, int y) {
    Sample sum;
    for (int i = 0; i < kSamples * kSamples; ++i) {
        const Sample one =
            inverse(picture, x + (i % kSamples + 0.5) / kSamples, y + (i / kSamples + 0.5) / kSamples);
        for (int c = 0; c < 3; ++c) sum.colour[c] += one.colour[c] / (kSamples * kSamples);
        sum.alpha += one.alpha / (kSamples * kSamples);
    }
    return sum;
}

/// Pixels between which a line of weights lies; beyond the border the border's pixel counts.
void blur_line(double* first, int count, int stride, const std::vector<double>& weights,
               std::vector<double>& line) {
    const int reach = static_cast<int>(weights.size()) / 2;
    for (int i = 0; i < count; ++i) line[static_cast<size_t>(i)] = first[i * stride];
    for (int i = 0; i < count; ++i) {
        double sum = 0;
        for (int tap = -reach; tap <= reach; ++tap) {
            sum += weights[static_cast<size_t>(tap + reach)] *
                   line[static_cast<size_t>(std::clamp(i + tap, 0, count - 1))];
        }
        first[i * stride] = sum;
    }
}

}  // namespace

Canvas canvas_of(const Image& picture) {
    Canvas canvas{picture.width, picture.height, {}, {}};
    canvas.colour.assign(picture.pixels.begin(), picture.pixels.end());
    canvas.cover.assign(static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height), 0);
    return canvas;
}

void paste(Canvas& canvas, const Image& picture, const Pose& pose, const std::array<double, 3>& gain,
           bool covers) {
    // Shrunk to four samples a pixel at most, so that the samples do not alias.
    const auto shrunk = [](int length, double shown) {
        return std::clamp(static_cast<int>(std::lround(kSamples * shown)), 1, length);
    };
    const Image small =
        resize(picture, shrunk(picture.width, pose.width), shrunk(picture.height, pose.height));
    const Inverse inverse(pose);
    const double reach = 0.8 * std::hypot(pose.width, pose.height) + 2;
    const int top = std::max(0, static_cast<int>(pose.y - reach)),
              bottom = std::min(canvas.height, static_cast<int>(pose.y + reach) + 1),
              left = std::max(0, static_cast<int>(pose.x - reach)),
              right = std::min(canvas.width, static_cast<int>(pose.x + reach) + 1);
    for (int y = top; y < bottom; ++y) {
        for (int x = left; x < right; ++x) {
            const Sample front = pixel_sample(inverse, small, x, y);
            double* behind = canvas.at(x, y);
            for (size_t c = 0; c < 3; ++c) {
                behind[c] =
                    behind[c] * (1 - front.alpha) + std::min(front.colour[c] * gain[c], 255 * front.alpha);
            }
            if (covers) canvas.cover_at(x, y) = front.alpha;
        }
    }
}

void multiply(Canvas& canvas, const std::array<double, 3>& gain) {
    for (size_t i = 0; i < canvas.colour.size(); ++i) {
        canvas.colour[i] = std::clamp(canvas.colour[i] * gain[i % 3], 0.0, 255.0);
    }
}

void set_contrast(Canvas& canvas, double contrast) {
    const double mean = std::accumulate(canvas.colour.begin(), canvas.colour.end(), 0.0) /
                        static_cast<double>(canvas.colour.size());
    for (double& value : canvas.colour) value = std::clamp(mean + contrast * (value - mean), 0.0, 255.0);
}

void make_grey(Canvas& canvas) {
    for (size_t i = 0; i < canvas.colour.size(); i += 3) {
        double* pixel = canvas.colour.data() + i;
        pixel[0] = pixel[1] = pixel[2] = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    }
}

void blur(Canvas& canvas, double deviation) {
    if (deviation <= 0) return;
    const int reach = static_cast<int>(std::ceil(3 * deviation));
    std::vector<double> weights;
    for (int tap = -reach; tap <= reach; ++tap) {
        weights.push_back(std::exp(-0.5 * tap * tap / (deviation * deviation)));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) weight /= sum;
    std::vector<double> line(static_cast<size_t>(std::max(canvas.width, canvas.height)));
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < canvas.height; ++y)
            blur_line(canvas.at(0, y) + c, canvas.width, 3, weights, line);
        for (int x = 0; x < canvas.width; ++x) {
            blur_line(canvas.at(x, 0) + c, canvas.height, 3 * canvas.width, weights, line);
        }
    }
}

Image to_image(const Canvas& canvas) {
    Image image(canvas.width, canvas.height, 3);
    for (size_t i = 0; i < canvas.colour.size(); ++i) {
        image.pixels[i] = static_cast<uint8_t>(std::lround(std::clamp(canvas.colour[i], 0.0, 255.0)));
    }
    return image;
}

}  // namespace objloc::conditions
