#include "tools/common/network_input.h"

#include "objloc/kernels/localizer/scene.h"

namespace objloc {

std::vector<float> network_input(const Image& square, const LocalizerConfig& config) {
    std::vector<float> values(square.pixels.size());
    for (size_t at = 0; at < values.size(); ++at) {
        const auto c = static_cast<int32_t>(at % 3);
        const size_t source = at - at % 3 + static_cast<size_t>(source_channel(config.preprocess, c));
        values[at] = network_value(config.preprocess, square.pixels[source], c);
    }
    return values;
}

}  // namespace objloc
