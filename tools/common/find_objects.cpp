#include "tools/common/find_objects.h"

#include <algorithm>
#include <cmath>

#include "objloc/generators/augmentation.h"
#include "objloc/generators/resize.h"
#include "tools/common/compositions.h"
#include "tools/common/network_input.h"

namespace objloc {
namespace {

constexpr float kSure = 0.5f;        // confidence from which closer looks are not needed
constexpr float kCandidate = 0.03f;  // of a first look, for a second one
constexpr size_t kMostCandidates = 12;
constexpr double kSecondLook = 2.5;   // its square's side, in longer sides of the box
constexpr double kMoreDetail = 0.8;   // of the first look's side, at most
constexpr float kSameObject = 0.25f;  // IoU of two looks' boxes of one object
constexpr float kUnconfirmed = 0.1f;  // factor of a confidence whose box a second look does not find
constexpr float kMeasured = 0.2f;     // confidence from which a box is worth the measuring looks
constexpr double kMeasuringLooks[] = {1.5, 2.2};  // their squares' sides, in longer sides of the box
constexpr int kCloserLooks = 3;                   // each sees twice the detail of the one before
constexpr double kLargestCloser = 0.45;           // longer side of a box in a closer look, in the look's side
constexpr float kFewestPixels = 20;               // longer side of an object that can be told from others
constexpr float kSmallest = 0.07f;  // the same of a small picture, in its shorter sides: as in training
constexpr size_t kBatch = 16;

/// A square of the picture, in its pixels. It may reach beyond the picture.
struct View {
    double x, y, side;
    bool mirrored = false;
};

/// Boxes in pixels of the picture, clipped to it.
using Boxes = std::vector<Detection>;

/// The square as the network sees it: of one size, grey where there is no picture.
Image seen(const Image& picture, const View& view, int side) {
    Image square(side, side, 3);
    std::fill(square.pixels.begin(), square.pixels.end(), kBar);
    const int left = std::max(0, static_cast<int>(std::floor(view.x))),
              top = std::max(0, static_cast<int>(std::floor(view.y))),
              right = std::min(picture.width, static_cast<int>(std::ceil(view.x + view.side))),
              bottom = std::min(picture.height, static_cast<int>(std::ceil(view.y + view.side)));
    const double scale = side / view.side;
    const auto scaled = [&](double length) { return static_cast<int>(std::lround(scale * length)); };
    const int to_x = std::clamp(scaled(left - view.x), 0, side - 1),
              to_y = std::clamp(scaled(top - view.y), 0, side - 1);
    const int width = std::clamp(scaled(right - left), 1, side - to_x),
              height = std::clamp(scaled(bottom - top), 1, side - to_y);
    const Image part = resize(crop(picture, left, top, right - left, bottom - top), width, height);
    for (int y = 0; y < height; ++y) std::copy_n(part.at(0, y), 3 * width, square.at(to_x, to_y + y));
    return view.mirrored ? mirrored(square) : square;
}

/// The visible part of a box. Its width or height is 0 when nothing is visible.
Detection clipped(const Detection& box, const Image& picture) {
    const auto width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
    const float left = std::clamp(box.x, 0.f, width), right = std::clamp(box.x + box.w, 0.f, width),
                top = std::clamp(box.y, 0.f, height), bottom = std::clamp(box.y + box.h, 0.f, height);
    return {left, top, right - left, bottom - top, box.label, box.confidence};
}

/// What the network finds in each view.
std::vector<Boxes> look(Backend& backend, Localizer& localizer, const Image& picture,
                        const std::vector<View>& views) {
    const LocalizerConfig& config = localizer.config();
    const float least =
        std::min(kFewestPixels, kSmallest * static_cast<float>(std::min(picture.width, picture.height)));
    std::vector<Boxes> found;
    for (size_t first = 0; first < views.size(); first += kBatch) {
        const size_t count = std::min(kBatch, views.size() - first);
        std::vector<float> values;
        for (size_t i = 0; i < count; ++i) {
            const std::vector<float> one =
                network_input(seen(picture, views[first + i], static_cast<int>(config.side)), config);
            values.insert(values.end(), one.begin(), one.end());
        }
        const Tensor images = backend.allocate({static_cast<int64_t>(count), config.side, config.side, 3});
        backend.upload(values.data(), images);
        for (Boxes& boxes : detect(backend, localizer, images)) {
            const View& view = views[found.size()];
            const auto side = static_cast<float>(view.side);
            for (Detection& at : boxes) {
                if (view.mirrored) at.x = 1 - at.x - at.w;
                at.x = at.x * side + static_cast<float>(view.x),
                at.y = at.y * side + static_cast<float>(view.y);
                at.w *= side, at.h *= side;
                at = clipped(at, picture);
            }
            std::erase_if(boxes, [least](const Detection& at) {
                return at.w <= 0 || at.h <= 0 || std::max(at.w, at.h) < least;
            });
            found.push_back(std::move(boxes));
        }
    }
    return found;
}

View whole(const Image& picture) {
    const double side = std::max(picture.width, picture.height);
    return {(picture.width - side) / 2, (picture.height - side) / 2, side};
}

/// Squares that cover the picture and overlap by half.
std::vector<View> closer_views(const Image& picture, double side) {
    const auto steps = [&](int length) {
        return std::max(1, static_cast<int>(std::ceil(2 * (length - side) / side)) + 1);
    };
    const auto start = [&](int length, int steps_taken, int step) {
        return steps_taken == 1 ? (length - side) / 2 : (length - side) * step / (steps_taken - 1);
    };
    std::vector<View> views;
    const int rows = steps(picture.height), columns = steps(picture.width);
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            views.push_back({start(picture.width, columns, column), start(picture.height, rows, row), side});
        }
    }
    return views;
}

float longer_side(const Detection& box) {
    return std::max(box.w, box.h);
}

/// The surest candidates of several views, each object once. Larger boxes than `largest` are left out.
Boxes candidates_of(const std::vector<Boxes>& views, double largest) {
    Boxes all;
    for (const Boxes& boxes : views) all.insert(all.end(), boxes.begin(), boxes.end());
    std::erase_if(all, [&](const Detection& at) {
        return at.confidence < kCandidate || static_cast<double>(longer_side(at)) > largest;
    });
    Boxes kept = without_overlaps(std::move(all), 0.5f);
    if (kept.size() > kMostCandidates) kept.resize(kMostCandidates);
    return kept;
}

/// A square of this side, with the box in its middle.
View around(const Detection& box, double side) {
    return {static_cast<double>(box.x + box.w / 2) - side / 2,
            static_cast<double>(box.y + box.h / 2) - side / 2, side};
}

/// The surest of the boxes that shows the same object, or null.
const Detection* same_object(const Detection& box, const Boxes& boxes) {
    for (const Detection& at : boxes) {
        if (at.label == box.label && iou(at, box) >= kSameObject) return &at;
    }
    return nullptr;
}

/// Each candidate of a look with squares of this side as a second look sees it. Large ones stay as they are: a second
/// look would not see more detail.
Boxes confirmed(Backend& backend, Localizer& localizer, const Image& picture, const Boxes& all, double side) {
    std::vector<View> views;
    Boxes candidates, result;
    for (const Detection& at : all) {
        const View view = around(at, std::max(8.0, kSecondLook * static_cast<double>(longer_side(at))));
        if (view.side > kMoreDetail * side) {
            result.push_back(at);
        } else {
            candidates.push_back(at), views.push_back(view);
        }
    }
    const std::vector<Boxes> seconds = look(backend, localizer, picture, views);
    for (size_t i = 0; i < candidates.size(); ++i) {
        const Detection& first = candidates[i];
        const Detection* same = same_object(first, seconds[i]);
        result.push_back(same != nullptr ? *same : first);
        // Both looks must agree: their geometric mean.
        const float second = same != nullptr ? same->confidence : kUnconfirmed * first.confidence;
        result.back().confidence = std::sqrt(first.confidence * second);
    }
    return without_overlaps(std::move(result), 0.5f);
}

/// The boxes with sides that are the mean over several looks from near.
Boxes measured(Backend& backend, Localizer& localizer, const Image& picture, const Boxes& boxes) {
    std::vector<View> views;
    size_t sure = 0;
    while (sure < boxes.size() && boxes[sure].confidence >= kMeasured) ++sure;
    for (size_t i = 0; i < sure; ++i) {
        const Detection& at = boxes[i];
        for (const double looks : kMeasuringLooks) {
            const View view =
                around(at, std::min(looks * static_cast<double>(longer_side(at)), whole(picture).side));
            views.push_back(view);
            views.push_back({view.x, view.y, view.side, true});
        }
    }
    const std::vector<Boxes> seen = look(backend, localizer, picture, views);
    const size_t each = 2 * std::size(kMeasuringLooks);
    Boxes result = boxes;
    for (size_t i = 0; i < sure; ++i) {
        float weight = 1;
        for (size_t v = i * each; v < (i + 1) * each; ++v) {
            const Detection* same = same_object(boxes[i], seen[v]);
            if (same == nullptr) continue;
            result[i].x += same->x, result[i].y += same->y, result[i].w += same->w, result[i].h += same->h;
            ++weight;
        }
        result[i].x /= weight, result[i].y /= weight, result[i].w /= weight, result[i].h /= weight;
    }
    return result;
}

Detection in_fractions(const Detection& box, const Image& picture) {
    const auto width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
    return {box.x / width, box.y / height, box.w / width, box.h / height, box.label, box.confidence};
}

}  // namespace

std::vector<Detection> find_objects(Backend& backend, Localizer& localizer, const Image& any_picture) {
    const Image picture = to_rgb(any_picture);
    const auto look_twice = [&](const std::vector<View>& views, double largest) {
        const Boxes candidates = candidates_of(look(backend, localizer, picture, views), largest);
        return confirmed(backend, localizer, picture, candidates, views.front().side);
    };
    double side = whole(picture).side;
    Boxes found = look_twice({whole(picture)}, side);
    for (int closer = 0; closer < kCloserLooks; ++closer) {
        side /= 2;
        const bool is_sure = !found.empty() && found.front().confidence >= kSure;
        if (is_sure || side < static_cast<double>(localizer.config().side)) break;
        // Larger objects were seen by the look before; here they are cut off, and parts of them look like wholes.
        const Boxes more = look_twice(closer_views(picture, side), kLargestCloser * side);
        found.insert(found.end(), more.begin(), more.end());
        found = without_overlaps(std::move(found), 0.5f);
    }
    found = measured(backend, localizer, picture, found);
    for (Detection& at : found) {
        at = in_fractions(at, picture);
        at.confidence = localizer.config().calibration.probability(at.confidence);
    }
    return found;
}

}  // namespace objloc
