#include "tools/common/predict.h"

#include <algorithm>
#include <cmath>

#include "objloc/generators/resize.h"
#include "tools/common/compositions.h"

namespace objloc {
namespace {

/// A square picture as the network sees it.
std::vector<float> network_input(const Image& square, const LocalizerConfig& config) {
    std::vector<float> values(square.pixels.size());
    for (size_t at = 0; at < values.size(); ++at) {
        const auto c = static_cast<int32_t>(at % 3);
        const size_t source = at - at % 3 + static_cast<size_t>(source_channel(config.preprocess, c));
        values[at] = network_value(config.preprocess, square.pixels[source], c);
    }
    return values;
}

/// A picture in a square between bars, and where in it that is, in fractions of the square.
struct Fitted {
    Image square;
    float left, top, width, height;
};

Fitted fitted(const Image& picture, int side) {
    const int longer = std::max(picture.width, picture.height);
    const auto scaled = [&](int length) {
        return std::max(1, static_cast<int>(std::lround(static_cast<double>(length) * side / longer)));
    };
    const int width = scaled(picture.width), height = scaled(picture.height);
    const int left = (side - width) / 2, top = (side - height) / 2;
    Fitted result{Image(side, side, 3), 0, 0, 0, 0};
    std::fill(result.square.pixels.begin(), result.square.pixels.end(), kBar);
    const Image small = resize(to_rgb(picture), width, height);
    for (int y = 0; y < height; ++y) std::copy_n(small.at(0, y), 3 * width, result.square.at(left, top + y));
    const auto share = [&](int length) { return static_cast<float>(length) / static_cast<float>(side); };
    result.left = share(left), result.top = share(top), result.width = share(width),
    result.height = share(height);
    return result;
}

}  // namespace

std::vector<Detection> find_objects(Backend& backend, Localizer& localizer, const Image& picture) {
    const LocalizerConfig& config = localizer.config();
    const Fitted at = fitted(picture, static_cast<int>(config.side));
    const Tensor input = backend.allocate({1, config.side, config.side, 3});
    backend.upload(network_input(at.square, config).data(), input);
    std::vector<Detection> found = detect(backend, localizer, input).front();
    for (Detection& box : found) {
        const float right = std::min(box.x + box.w, at.left + at.width),
                    bottom = std::min(box.y + box.h, at.top + at.height);
        box.x = std::max(box.x, at.left), box.y = std::max(box.y, at.top);
        box.w = std::max(0.f, right - box.x) / at.width, box.h = std::max(0.f, bottom - box.y) / at.height;
        box.x = (box.x - at.left) / at.width, box.y = (box.y - at.top) / at.height;
    }
    return found;
}

std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images) {
    Tape tape(backend, /*recording=*/false);
    const Tensor boxes = localizer.predict(tape, tape.constant(images)).boxes.value();
    std::vector<float> host(static_cast<size_t>(boxes.count()));
    backend.download(boxes, host.data());
    return host;
}

std::vector<float> predict_picture(Backend& backend, Localizer& localizer, const Image& picture) {
    const LocalizerConfig& config = localizer.config();
    const Tensor input = backend.allocate({1, config.side, config.side, 3});
    const int side = static_cast<int>(config.side);
    backend.upload(network_input(resize(to_rgb(picture), side, side), config).data(), input);
    return predict_boxes(backend, localizer, input);
}

}  // namespace objloc
