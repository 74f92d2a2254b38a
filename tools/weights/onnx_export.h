// Writing a localizer as an ONNX model, for ONNX Runtime, OpenVINO, TensorRT and others.
#pragma once

#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"
#include "objloc/models/localizer.h"
#include "tools/weights/convert.h"

namespace objloc {

/// Opset 17, of either head. Input `image`: (batch, side, side, 3) or (batch, 3, side, side), float32, as the
/// model's preprocessing makes it; output `box`: (batch, 3 or 4), fractions of the side. The batch is free.
/// Metadata says what box and preprocessing are. `arrays` are the whole model's, under Keras's names. Throws
/// Error when objloc was built without ONNX, naming the packages, and when the file cannot be written.
void export_onnx(const std::string& path, const std::vector<NamedArray>& arrays,
                 const LocalizerConfig& config, ImageLayout layout);

}  // namespace objloc
