// Between Keras's names and axis orders and those of PyTorch's VGG16 (torchvision's `vgg16().state_dict()`).
//
//   Keras                                   PyTorch
//   block1_conv1/kernel (R, S, C, K)        features.0.weight (K, C, R, S)
//   dense/kernel (P*Q*C, outputs)           classifier.weight (outputs, C*P*Q)
//   fc1, fc2, predictions (with the top)    classifier.0, classifier.3, classifier.6
//   convolutions of a head of objloc's      the same names: votes3/kernel is votes3.weight
//
// The first dense layer sees flattened features: rows, columns, channels in Keras; channels, rows, columns in
// PyTorch. Its rows are reordered accordingly.
#pragma once

#include <vector>

#include "objloc/models/formats/named_arrays.h"

namespace objloc {

/// Renames and reorders VGG16's tensors. Throws Error naming a tensor that PyTorch's VGG16 has no place for.
/// `where` is the file's path, for messages.
std::vector<NamedArray> to_torch(const std::string& where, const std::vector<NamedArray>& arrays);

/// The way back; takes timm's names for the top (pre_logits.fc1, head.fc) and prefixes (module., backbone.)
/// too. Other tensors than convolutions keep their names. Throws Error for a VGG with batch normalization,
/// which has no Keras form here.
std::vector<NamedArray> from_torch(const std::string& where, const std::vector<NamedArray>& arrays);

/// (R, S, C, K) -> (K, C, R, S).
NamedArray hwio_to_oihw(const NamedArray& kernel);

/// Keras's kernel of the dense layer after Flatten, (P*P*C, outputs) over rows, columns, channels, as
/// PyTorch's weight (outputs, C*P*P) over channels, rows, columns. Throws Error when the rows are not
/// P*P*channels.
NamedArray dense_to_torch(const std::string& where, const NamedArray& kernel, int64_t channels);

}  // namespace objloc
