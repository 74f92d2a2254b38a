// The names that Keras gives VGG16's layers, and the order in which it lists them.
#pragma once

#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"

namespace objloc {

/// "block1_conv1", "block1_conv2", "block2_conv1", ... "block5_conv3": the 13 convolutions in order.
std::vector<std::string> vgg16_convolution_names();

/// "block3_conv2" -> 3; 0 for all layers but the blocks' convolutions.
int vgg16_block(const std::string& layer);

/// Puts the layers without weights between the given ones, as Keras lists them: input_1 first, block1_pool
/// after the first block's convolutions, flatten before the first dense layer.
std::vector<std::string> with_weightless_layers(const std::vector<std::string>& layers);

/// Whether the layer sees the flattened features, so that the order of its inputs is Flatten's.
bool follows_flatten(const std::string& layer);

/// Brings tensors into the model's order, for files that keep them by the alphabet: the convolutions first,
/// then other layers as they come; kernels before biases.
void sort_as_vgg16(std::vector<NamedArray>& arrays);

}  // namespace objloc
