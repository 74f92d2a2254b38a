#include "tools/conditions/compositor.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "objloc/generators/resize.h"
#include "tools/conditions/canvas.h"

namespace objloc::conditions {
namespace {

constexpr std::array<double, 3> kAsItIs = {1, 1, 1};

/// A part of a place, its shape given by the size that it is drawn in.
Image place_part(const Material& material, int width, int height, double least_share, Random& random) {
    const Image& place =
        material.places[static_cast<size_t>(random.below(static_cast<int>(material.places.size())))];
    const double fit =
        std::min(static_cast<double>(place.width) / width, static_cast<double>(place.height) / height);
    const double share = random.between(least_share, 1);
    const int shown_x = std::max(1, static_cast<int>(share * fit * width)),
              shown_y = std::max(1, static_cast<int>(share * fit * height));
    const int x = random.below(place.width - shown_x + 1), y = random.below(place.height - shown_y + 1);
    return resize(to_rgb(crop(place, x, y, shown_x, shown_y)), width, height);
}

Image with_alpha(const Image& rgb) {
    Image result(rgb.width, rgb.height, 4);
    for (size_t i = 0; i < rgb.pixels.size() / 3; ++i) {
        std::copy_n(rgb.pixels.data() + 3 * i, 3, result.pixels.data() + 4 * i);
        result.pixels[4 * i + 3] = 255;
    }
    return result;
}

// ---- Distractors --------------------------------------------------------------------------------------------------

void paint_stripes(Image& image, Random& random) {
    uint8_t colour[2][3];
    for (auto& one : colour) {
        for (uint8_t& channel : one) channel = static_cast<uint8_t>(random.below(256));
    }
    const double angle = random.between(0, std::numbers::pi), period = random.between(4, 30);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const double along = (x * std::cos(angle) + y * std::sin(angle)) / period;
            std::copy_n(colour[along - std::floor(along) < 0.5 ? 0 : 1], 3, image.at(x, y));
        }
    }
}

/// Gives a square picture a round outline with some waves in it.
void cut_outline(Image& image, Random& random) {
    double height[4], phase[4];
    for (int k = 0; k < 4; ++k) {
        height[k] = random.between(-0.12, 0.12), phase[k] = random.between(0, 2 * std::numbers::pi);
    }
    const double half = image.width / 2.0;
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const double angle = std::atan2(y - half, x - half);
            double radius = 0.65;
            for (int k = 0; k < 4; ++k) radius += height[k] * std::cos((k + 2) * angle + phase[k]);
            const double inside = radius * half - std::hypot(x - half, y - half);
            image.at(x, y)[3] = static_cast<uint8_t>(255 * std::clamp(inside + 0.5, 0.0, 1.0));
        }
    }
}

void add_distractor(Canvas& canvas, const Material& material, Random& random) {
    constexpr int kSide = 128;
    Image thing = with_alpha(place_part(material, kSide, kSide, 0.2, random));
    if (random.chance(0.5)) paint_stripes(thing, random);
    cut_outline(thing, random);
    const double size = kShorterSide * random.between(0.15, 0.4);
    Pose pose{random.between(0, canvas.width), random.between(0, canvas.height), size, size};
    pose.turn = random.between(0, 2 * std::numbers::pi);
    paste(canvas, thing, pose, kAsItIs, false);
}

// ---- Objects ------------------------------------------------------------------------------------------------------

struct PixelBounds {
    int left, top, right, bottom;  // right and bottom are beyond the last pixel
};

bool seen(Canvas& canvas, int x, int y) {
    return canvas.cover_at(x, y) >= 0.5;
}

std::optional<PixelBounds> visible_bounds(Canvas& canvas) {
    PixelBounds bounds{canvas.width, canvas.height, 0, 0};
    for (int y = 0; y < canvas.height; ++y) {
        for (int x = 0; x < canvas.width; ++x) {
            if (!seen(canvas, x, y)) continue;
            bounds.left = std::min(bounds.left, x), bounds.right = std::max(bounds.right, x + 1);
            bounds.top = std::min(bounds.top, y), bounds.bottom = std::max(bounds.bottom, y + 1);
        }
    }
    if (bounds.right == 0) return std::nullopt;
    return bounds;
}

/// Covers a share of the object that was pasted last, from one side.
void hide(Canvas& canvas, const Material& material, double share, Random& random) {
    const std::optional<PixelBounds> bounds = visible_bounds(canvas);
    if (!bounds || share <= 0) return;
    const double angle = random.between(0, 2 * std::numbers::pi), cosine = std::cos(angle),
                 sine = std::sin(angle);
    std::vector<double> distances;
    for (int y = bounds->top; y < bounds->bottom; ++y) {
        for (int x = bounds->left; x < bounds->right; ++x) {
            if (seen(canvas, x, y)) distances.push_back(x * cosine + y * sine);
        }
    }
    std::sort(distances.begin(), distances.end());
    const double from =
        distances[static_cast<size_t>((1 - share) * static_cast<double>(distances.size() - 1))];
    const int margin = (bounds->right - bounds->left + bounds->bottom - bounds->top) / 12;
    const int width = bounds->right - bounds->left + 2 * margin,
              height = bounds->bottom - bounds->top + 2 * margin;
    const Image cover = place_part(material, width, height, 0.2, random);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const int column = bounds->left - margin + x, row = bounds->top - margin + y;
            const bool inside = column >= 0 && row >= 0 && column < canvas.width && row < canvas.height;
            if (!inside || column * cosine + row * sine < from) continue;
            std::copy_n(cover.at(x, y), 3, canvas.at(column, row));
            canvas.cover_at(column, row) = 0;
        }
    }
}

/// Half of the upright box around a turned picture.
struct Half {
    double x, y;
};
Half half_of(const Pose& pose) {
    const double cosine = std::abs(std::cos(pose.turn)), sine = std::abs(std::sin(pose.turn));
    return {(cosine * pose.width + sine * pose.height) / 2, (sine * pose.width + cosine * pose.height) / 2};
}

/// Puts a thing of this half extent into a length, or a share of it beyond one of its ends.
double placed(double half, double length, double outside, Random& random) {
    if (outside > 0) {
        const double inside = half - 2 * half * outside;
        return random.chance(0.5) ? inside : length - inside;
    }
    return half < length / 2 ? random.between(half, length - half) : length / 2;
}

/// Object `number` of the picture: of two, the first lies in the left half and the second in the right.
Pose object_pose(const Image& object, const Canvas& canvas, const Condition& at, int number, Random& random) {
    Pose pose;
    const double size = kShorterSide * random.between(at.size_low, at.size_high);
    const double longer = std::max(object.width, object.height);
    pose.width = size * object.width / longer, pose.height = size * object.height / longer;
    pose.turn = at.turn * std::numbers::pi / 180;
    pose.mirrored = at.mirrored;
    if (at.print) {
        pose.turn = random.between(-0.2, 0.2);
        pose.tilt_x = random.between(-0.25, 0.25), pose.tilt_y = random.between(-0.25, 0.25);
    }
    const Half half = half_of(pose);
    const bool sideways = random.chance(0.5);
    const double room = canvas.width / static_cast<double>(std::max(1, at.objects));
    pose.x = room * number + placed(half.x, room, sideways ? at.outside : 0, random);
    pose.y = placed(half.y, canvas.height, sideways ? 0 : at.outside, random);
    return pose;
}

void add_object(Picture& picture, Canvas& canvas, const Material& material, const Condition& at, int number,
                Random& random) {
    const int label = random.below(static_cast<int>(material.objects.size()));
    const Image& object = material.objects[static_cast<size_t>(label)];
    const Pose pose = object_pose(object, canvas, at, number, random);
    if (at.print) {
        Image paper(256, 256, 4);
        std::fill(paper.pixels.begin(), paper.pixels.end(), uint8_t{240});
        for (size_t i = 3; i < paper.pixels.size(); i += 4) paper.pixels[i] = 255;
        Pose sheet = pose;
        // The tilt is relative to the size: the sheet lies in the plane of what is printed on it.
        sheet.width *= 1.35, sheet.height *= 1.35, sheet.tilt_x *= 1.35, sheet.tilt_y *= 1.35;
        paste(canvas, paper, sheet, kAsItIs, false);
    }
    std::fill(canvas.cover.begin(), canvas.cover.end(), 0);
    paste(canvas, object, pose, at.object_gain, true);
    hide(canvas, material, at.hidden, random);
    const std::optional<PixelBounds> seen_part = visible_bounds(canvas);
    if (!seen_part) return;
    const auto fraction = [](int pixels, int length) {
        return static_cast<float>(pixels) / static_cast<float>(length);
    };
    picture.truth.push_back({fraction(seen_part->left, canvas.width), fraction(seen_part->top, canvas.height),
                             fraction(seen_part->right - seen_part->left, canvas.width),
                             fraction(seen_part->bottom - seen_part->top, canvas.height), label, 1});
}

// ---- Camera -------------------------------------------------------------------------------------------------------

Image photographed(Canvas& canvas, const Condition& at, Random& random) {
    if (at.grey) make_grey(canvas);
    multiply(canvas, at.gain);
    set_contrast(canvas, at.contrast);
    blur(canvas, at.blur * kShorterSide);
    if (at.noise > 0) {
        for (double& value : canvas.colour) value += at.noise * random.normal();
    }
    const Image image = to_image(canvas);
    if (at.jpeg_quality == 0) return image;
    return decode_image(encode_jpeg(image, at.jpeg_quality), "a JPEG file of the suite's own");
}

}  // namespace

Picture compose(const Material& material, const Condition& condition, Random& random) {
    const auto scaled = [](double factor) { return static_cast<int>(std::lround(kShorterSide * factor)); };
    const int width = scaled(std::max(1.0, condition.aspect)),
              height = scaled(std::max(1.0, 1 / condition.aspect));
    Picture picture;
    Canvas canvas = canvas_of(place_part(material, width, height, 0.6, random));
    for (int i = 0; i < condition.distractors; ++i) add_distractor(canvas, material, random);
    for (int number = 0; number < condition.objects; ++number) {
        add_object(picture, canvas, material, condition, number, random);
    }
    picture.image = photographed(canvas, condition, random);
    return picture;
}

Picture crop_photograph(const Image& photograph, const std::vector<double>& box, Random& random) {
    const auto cut = [&](double low, double high, double length, double& begin, double& end) {
        begin = random.between(0, low), end = random.between(high, length);
    };
    double left = 0, right = 0, top = 0, bottom = 0;
    cut(box[0], box[0] + box[2], photograph.width, left, right);
    cut(box[1], box[1] + box[3], photograph.height, top, bottom);
    const int x = static_cast<int>(left), y = static_cast<int>(top);
    const int width = static_cast<int>(right) - x, height = static_cast<int>(bottom) - y;
    Picture picture;
    picture.image = to_rgb(crop(photograph, x, y, width, height));
    picture.truth.push_back({static_cast<float>((box[0] - x) / width),
                             static_cast<float>((box[1] - y) / height), static_cast<float>(box[2] / width),
                             static_cast<float>(box[3] / height), 0, 1});
    return picture;
}

}  // namespace objloc::conditions
