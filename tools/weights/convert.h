// `objloc_weights convert`: between Keras's HDF5, safetensors, and (written only) ONNX.
#pragma once

#include <string>

#include "objloc/models/localizer.h"

namespace objloc {

/// The order of an image's axes at a network's input.
enum class ImageLayout { nhwc, nchw };

struct ConvertOptions {
    std::string in;
    std::string out;  // its ending says what to write: .h5, .safetensors or .onnx
    /// What the network was trained to see, for files that do not say it themselves.
    Preprocess preprocess = Preprocess::unit;
    ImageLayout layout = ImageLayout::nhwc;  // of ONNX's input
};

/// Converts, and says what was taken and what was left out. Throws Error when the input is not a VGG16 that
/// is whole.
std::string convert_weights(const ConvertOptions& options);

}  // namespace objloc
