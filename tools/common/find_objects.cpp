#include "tools/common/find_objects.h"

#include <algorithm>
#include <cmath>

#include "objloc/generators/resize.h"
#include "tools/common/compositions.h"
#include "tools/common/network_input.h"

namespace objloc {
namespace {

constexpr float kSure = 0.5f;        // confidence from which closer looks are not needed
constexpr float kCandidate = 0.03f;  // of a first look, for a second one
constexpr size_t kMostCandidates = 12;
constexpr double kSecondLook = 2.5;   // its square's side, in longer sides of the box
constexpr float kSameObject = 0.25f;  // IoU of a first and a second look's boxes
constexpr float kUnconfirmed =
    0.3f;  // what a box's confidence is multiplied by when a second look does not find it
constexpr int kCloserLooks = 3;  // each sees twice the detail of the one before
constexpr size_t kBatch = 16;

/// A square of the picture, in its pixels. It may reach beyond the picture.
struct View {
    double x, y, side;
};

/// Boxes in pixels of the picture, as Detection holds them.
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
    return square;
}

/// What the network finds in each view.
std::vector<Boxes> look(Backend& backend, Localizer& localizer, const Image& picture,
                        const std::vector<View>& views) {
    const LocalizerConfig& config = localizer.config();
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
                at.x = at.x * side + static_cast<float>(view.x),
                at.y = at.y * side + static_cast<float>(view.y);
                at.w *= side, at.h *= side;
            }
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

/// The surest candidates of several views, each object once.
Boxes candidates_of(const std::vector<Boxes>& views) {
    Boxes all;
    for (const Boxes& boxes : views) all.insert(all.end(), boxes.begin(), boxes.end());
    std::erase_if(all, [](const Detection& at) { return at.confidence < kCandidate; });
    Boxes kept = without_overlaps(std::move(all), 0.5f);
    if (kept.size() > kMostCandidates) kept.resize(kMostCandidates);
    return kept;
}

View around(const Detection& box) {
    const double side =
        std::max(8.0, kSecondLook * std::max(static_cast<double>(box.w), static_cast<double>(box.h)));
    return {static_cast<double>(box.x + box.w / 2) - side / 2,
            static_cast<double>(box.y + box.h / 2) - side / 2, side};
}

/// Each candidate as a second look sees it.
Boxes confirmed(Backend& backend, Localizer& localizer, const Image& picture, const Boxes& candidates) {
    std::vector<View> views;
    for (const Detection& at : candidates) views.push_back(around(at));
    const std::vector<Boxes> seconds = look(backend, localizer, picture, views);
    Boxes result;
    for (size_t i = 0; i < candidates.size(); ++i) {
        const Detection& first = candidates[i];
        const auto same = std::find_if(seconds[i].begin(), seconds[i].end(), [&](const Detection& second) {
            return second.label == first.label && iou(first, second) >= kSameObject;
        });
        result.push_back(same != seconds[i].end() ? *same : first);
        if (same == seconds[i].end()) result.back().confidence *= kUnconfirmed;
    }
    return without_overlaps(std::move(result), 0.5f);
}

Detection in_fractions(const Detection& box, const Image& picture) {
    const auto width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
    const float left = std::clamp(box.x, 0.f, width), right = std::clamp(box.x + box.w, 0.f, width),
                top = std::clamp(box.y, 0.f, height), bottom = std::clamp(box.y + box.h, 0.f, height);
    return {left / width, top / height,  (right - left) / width, (bottom - top) / height,
            box.label,    box.confidence};
}

}  // namespace

std::vector<Detection> find_objects(Backend& backend, Localizer& localizer, const Image& any_picture) {
    const Image picture = to_rgb(any_picture);
    const auto second_look = [&](const std::vector<View>& views) {
        return confirmed(backend, localizer, picture,
                         candidates_of(look(backend, localizer, picture, views)));
    };
    Boxes found = second_look({whole(picture)});
    double side = whole(picture).side;
    for (int closer = 0; closer < kCloserLooks; ++closer) {
        side /= 2;
        const bool is_sure = !found.empty() && found.front().confidence >= kSure;
        if (is_sure || side < static_cast<double>(localizer.config().side)) break;
        const Boxes more = second_look(closer_views(picture, side));
        found.insert(found.end(), more.begin(), more.end());
        found = without_overlaps(std::move(found), 0.5f);
    }
    for (Detection& at : found) at = in_fractions(at, picture);
    return found;
}

}  // namespace objloc
