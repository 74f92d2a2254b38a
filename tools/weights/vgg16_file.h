// A weight file understood as VGG16: which of its tensors are the model's, and what model that is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/localizer.h"
#include "models/named_arrays.h"

namespace objloc {

/// Reads Keras's HDF5 or safetensors, told apart by their first bytes; names come out as Keras's. Throws
/// Error for anything else.
WeightFile read_weight_file(const std::string& path);

/// The tensors that VGG16 has at this file's width: convolutions, and the localizer's head with the shape
/// that the file has it in. Throws Error when the file has no VGG16.
std::vector<WantedArray> vgg16_tensors(const std::string& path, const WeightFile& file);

/// The file's own configuration, or the one that its shapes tell, with `preprocess` for what they cannot
/// tell. Empty when the file has no localizer's head. Throws Error when configuration and shapes disagree.
std::optional<LocalizerConfig> localizer_config(const std::string& path, const WeightFile& file,
                                                Preprocess preprocess);

/// The name of the attribute that holds the configuration.
extern const char* const kConfigAttribute;

}  // namespace objloc
