#include "tools/common/predict.h"

#include "objloc/generators/resize.h"

namespace objloc {
namespace {

/// The picture squeezed to the network's square input, as the network sees it.
std::vector<float> network_input(const Image& picture, const LocalizerConfig& config) {
    const int side = static_cast<int>(config.side);
    const Image square = resize(to_rgb(picture), side, side);
    std::vector<float> values(square.pixels.size());
    for (size_t at = 0; at < values.size(); ++at) {
        const auto c = static_cast<int32_t>(at % 3);
        const size_t source = at - at % 3 + static_cast<size_t>(source_channel(config.preprocess, c));
        values[at] = network_value(config.preprocess, square.pixels[source], c);
    }
    return values;
}

}  // namespace

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
    backend.upload(network_input(picture, config).data(), input);
    return predict_boxes(backend, localizer, input);
}

}  // namespace objloc
