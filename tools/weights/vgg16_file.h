// A weight file understood as VGG16: which of its tensors are the model's, and what model that is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// Reads Keras's HDF5 or safetensors, told apart by their first bytes; names come out as Keras's. Throws
/// Error for anything else.
WeightFile read_weight_file(const std::string& path);

/// The tensors that the model in this file has. A file of objloc's says which model that is, so its head may
/// be of any form; of other files it is VGG16's convolutions at the file's width, and the dense head with the
/// shape that the file has it in. Throws Error when the file has no VGG16.
std::vector<WantedArray> vgg16_tensors(const std::string& path, const WeightFile& file);

/// The file's own configuration, or the one that its shapes tell, with `preprocess` for what they cannot
/// tell. Empty when the file has no localizer's head.
std::optional<LocalizerConfig> localizer_config(const std::string& path, const WeightFile& file,
                                                Preprocess preprocess);

}  // namespace objloc
