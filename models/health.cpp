#include "objloc/models/health.h"

#include <fmt/format.h>

#include <algorithm>

#include "objloc/models/vgg16.h"

namespace objloc {
namespace {

int64_t count_dead(const std::vector<float>& values, int64_t channels) {
    std::vector<bool> alive(static_cast<size_t>(channels), false);
    for (size_t i = 0; i < values.size(); ++i) {
        if (values[i] > 0) alive[i % static_cast<size_t>(channels)] = true;
    }
    return std::count(alive.begin(), alive.end(), false);
}

}  // namespace

std::vector<LayerHealth> layer_health(Backend& backend, Localizer& localizer, const Tensor& images) {
    std::vector<LayerHealth> layers;
    const auto observe = [&](const Vgg16Conv& conv, const Variable& y) {
        std::vector<float> values(static_cast<size_t>(y.value().count()));
        backend.download(y.value(), values.data());
        layers.push_back({conv.name, conv.out, count_dead(values, conv.out)});
    };
    Tape tape(backend, /*recording=*/false);
    const LocalizerConfig& config = localizer.config();
    vgg16_blocks(tape, localizer.parameters(), vgg16_convolutions(config.width, config.side),
                 tape.constant(images), /*last_pool=*/true, observe);
    return layers;
}

std::string text_of(const std::vector<LayerHealth>& layers) {
    std::string text;
    for (const LayerHealth& layer : layers) {
        if (layer.dead == 0) continue;
        text +=
            fmt::format("{}{} {} of {}", text.empty() ? "" : ", ", layer.layer, layer.dead, layer.channels);
    }
    return text;
}

}  // namespace objloc
