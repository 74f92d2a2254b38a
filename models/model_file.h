// A localizer in a file: Keras's HDF5 weights with the configuration as one more attribute, so that the file
// alone is enough to predict, and Keras opens it too.
#pragma once

#include <optional>
#include <string>

#include "objloc/models/formats/keras_weights.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// The attribute that holds the configuration, as JSON.
constexpr const char* kConfigAttribute = "objloc_config";

/// What the file says of its model; empty when it says nothing, as Keras's own files. Throws Error when that
/// cannot be the model of the file's tensors, before memory is taken for a model of any size.
std::optional<LocalizerConfig> config_in(const std::string& path, const WeightFile& file);

/// Writes all parameters, whole or not at all. Throws Error as write_keras_weights does.
void save_model(const std::string& path, const Localizer& localizer);

/// Makes the localizer of a file that `save_model` wrote; its parameters are not placed yet. Throws Error
/// when the file has no configuration or lacks a tensor.
Localizer load_model(const std::string& path);

/// Fills the parameters, before they are placed, from any file of Keras's. The head may be missing, for it
/// then starts fresh; the backbone may not. Throws Error as `match_arrays` does.
LoadReport load_weights(Localizer& localizer, const std::string& path);

}  // namespace objloc
