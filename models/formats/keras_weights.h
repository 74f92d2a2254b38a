// Reading and writing the HDF5 files that Keras keeps weights in.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"

namespace objloc {

/// Reads any of the forms that Keras has had, and says in `format` which one it met:
///   - weights by `layer_names`: `save_weights` of Keras 1 and 2, and the official VGG16 files, with names
///   old
///     (block1_conv1_W_1:0) and new (block1_conv1/kernel:0); models within models included;
///   - whole models, `model.save("m.h5")`: the same under `model_weights/`;
///   - Keras 3 (and late Keras 2) `.weights.h5`: `layers/conv2d_3/vars/0`.
/// All names come out as "layer/variable", the layer being the innermost one. Files of the last form that
/// carry no layer names (those of Keras 2) call layers by class and number; their 13 convolutions get VGG16's
/// names in order. float16, bfloat16 and float64 become float32. The optimizer's state in such files is not
/// read. Throws Error for files that are not Keras's, damaged, or hold integer (quantised) kernels. A file
/// damaged so that the HDF5 library crashes on it is an Error too: a child process reads it first.
WeightFile read_keras_weights(const std::string& path);

/// Writes Keras 2's `save_weights` form, which `load_weights` of Keras 2 and 3 opens, by order and by name.
/// Arrays come in the model's order, named "layer/variable"; the layers of VGG16 that have no weights are
/// listed where Keras lists them. `attributes` become further attributes of the root, and so does a checksum,
/// by which reading notices any change. The file appears whole or not at all.
void write_keras_weights(const std::string& path, const std::vector<NamedArray>& arrays,
                         const std::map<std::string, std::string>& attributes);

}  // namespace objloc
