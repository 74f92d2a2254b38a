// Whether a network is still alive: a ReLU that is never above 0 passes no gradient and does not come back.
#pragma once

#include <string>
#include <vector>

#include "objloc/models/localizer.h"

namespace objloc {

/// A convolution's channels, and how many of them are 0 at every pixel of every image shown.
struct LayerHealth {
    std::string layer;
    int64_t channels = 0, dead = 0;
};

/// Of each convolution of the backbone, by images (N, side, side, 3) as the model takes them. Waits for the
/// device.
std::vector<LayerHealth> layer_health(Backend& backend, Localizer& localizer, const Tensor& images);

/// "block1_conv1 3 of 16, block2_conv2 31 of 32"; empty when no channel is dead.
std::string text_of(const std::vector<LayerHealth>& layers);

}  // namespace objloc
