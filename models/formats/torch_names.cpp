#include "objloc/models/formats/torch_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/models/formats/vgg16_names.h"
#include "objloc/models/vgg16.h"

namespace objloc {
namespace {

struct LayerName {
    std::string keras, torch;
};

/// Keras's and torchvision's names side by side. In `features` each convolution is followed by a ReLU, and by
/// a max-pool at the end of a block; all three count.
std::vector<LayerName> convolution_names() {
    std::vector<LayerName> names;
    int index = 0;
    for (const Vgg16Conv& convolution : vgg16_convolutions(1, 32)) {
        names.push_back({convolution.name, "features." + std::to_string(index)});
        index += convolution.last_in_block() ? 3 : 2;
    }
    return names;
}

/// The first of each Keras name is the one written.
std::vector<LayerName> dense_names() {
    return {{"dense", "classifier"},         {"fc1", "classifier.0"},   {"fc2", "classifier.3"},
            {"predictions", "classifier.6"}, {"fc1", "pre_logits.fc1"}, {"fc2", "pre_logits.fc2"},
            {"predictions", "head.fc"}};
}

const LayerName* find(const std::vector<LayerName>& names, std::string LayerName::*by,
                      const std::string& name) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const LayerName& n) { return n.*by == name; });
    return found == names.end() ? nullptr : &*found;
}

/// Element (i, j, k, l) of the result is element (axes[0] axis = i, ...) of the source: numpy's transpose.
std::vector<float> transpose(const std::vector<float>& values, const std::array<int64_t, 4>& extents,
                             const std::array<size_t, 4>& axes) {
    std::array<int64_t, 4> strides{};
    int64_t stride = 1;
    for (size_t axis = 4; axis-- > 0; stride *= extents[axis]) strides[axis] = stride;
    std::vector<float> result;
    result.reserve(values.size());
    for (int64_t i = 0; i < extents[axes[0]]; ++i) {
        for (int64_t j = 0; j < extents[axes[1]]; ++j) {
            for (int64_t k = 0; k < extents[axes[2]]; ++k) {
                for (int64_t l = 0; l < extents[axes[3]]; ++l) {
                    const int64_t at = i * strides[axes[0]] + j * strides[axes[1]] + k * strides[axes[2]] +
                                       l * strides[axes[3]];
                    result.push_back(values[static_cast<size_t>(at)]);
                }
            }
        }
    }
    return result;
}

NamedArray oihw_to_hwio(const NamedArray& weight) {
    const Shape& s = weight.shape;
    return {weight.name,
            {s[2], s[3], s[1], s[0]},
            transpose(weight.values, {s[0], s[1], s[2], s[3]}, {2, 3, 1, 0})};
}

/// The side of the square of features that a dense layer with this many inputs sees.
int64_t feature_side(const std::string& where, const std::string& name, int64_t inputs, int64_t channels) {
    const auto side = channels < 1 ? 0 : std::lround(std::sqrt(static_cast<double>(inputs / channels)));
    if (side < 1 || side * side * channels != inputs) {
        throw Error(where,
                    fmt::format("{} has {} inputs, which is no square of features with {} channels", name,
                                inputs, channels),
                    "Only square images are known here.");
    }
    return side;
}

/// (outputs, C*P*P) -> (P*P*C, outputs).
NamedArray dense_from_torch(const std::string& where, const NamedArray& weight, int64_t channels) {
    const int64_t outputs = weight.shape[0];
    const int64_t side = feature_side(where, weight.name, weight.shape[1], channels);
    return {weight.name,
            {weight.shape[1], outputs},
            transpose(weight.values, {outputs, channels, side, side}, {2, 3, 1, 0})};
}

NamedArray transposed(const NamedArray& matrix) {
    const int64_t rows = matrix.shape[0];
    const int64_t columns = matrix.shape[1];
    return {matrix.name, {columns, rows}, transpose(matrix.values, {1, 1, rows, columns}, {0, 1, 3, 2})};
}

/// The channels that reach the first dense layer.
int64_t last_channels(const std::string& where, const std::vector<NamedArray>& arrays,
                      const std::string& name, int axis) {
    for (const NamedArray& array : arrays) {
        if (array.name.ends_with(name) && array.shape.rank() == 4) return array.shape[axis];
    }
    throw Error(where, "has a dense layer but no " + name + " before it",
                "Only whole VGG16 models can be converted.");
}

void require_rank(const std::string& where, const NamedArray& array, int rank) {
    if (array.shape.rank() == rank) return;
    throw Error(where,
                fmt::format("{} should have {} axes, has the shape {}", array.name, rank, array.shape.text()),
                "This is not VGG16's.");
}

/// timm keeps the top's first layers as convolutions over all of the features: (4096, 512, 7, 7).
NamedArray flat_convolution(const NamedArray& weight) {
    if (weight.shape.rank() != 4) return weight;
    return {weight.name, {weight.shape[0], weight.shape.count() / weight.shape[0]}, weight.values};
}

bool has_convolution(const std::vector<NamedArray>& arrays, const std::string& kernel) {
    return std::any_of(arrays.begin(), arrays.end(), [&](const NamedArray& array) {
        return array.name == kernel && array.shape.rank() == 4;
    });
}

/// Convolutions beside VGG16's own are a head of objloc's and keep their names: votes3/kernel <->
/// votes3.weight, in each side's order.
NamedArray own_to_torch(const std::string& where, const std::vector<NamedArray>& arrays,
                        const NamedArray& array) {
    const std::string layer = layer_of(array.name), variable = variable_of(array.name);
    if ((variable != "kernel" && variable != "bias") || !has_convolution(arrays, layer + "/kernel") ||
        !has_convolution(arrays, "block5_conv3/kernel")) {
        throw Error(where, "PyTorch's VGG16 has no place for " + array.name,
                    "Only VGG16 models can be converted.");
    }
    NamedArray result = variable == "kernel" ? hwio_to_oihw(array) : array;
    result.name = layer + (variable == "kernel" ? ".weight" : ".bias");
    return result;
}

NamedArray own_from_torch(const std::vector<NamedArray>& arrays, const NamedArray& array) {
    const size_t dot = std::min(array.name.rfind('.'), array.name.size());
    const std::string layer = array.name.substr(0, dot), variable = array.name.substr(dot);
    if ((variable != ".weight" && variable != ".bias") || !has_convolution(arrays, layer + ".weight"))
        return array;
    NamedArray result = variable == ".weight" ? oihw_to_hwio(array) : array;
    result.name = layer + (variable == ".weight" ? "/kernel" : "/bias");
    return result;
}

/// "module.features.0.weight" -> "features.0.weight": what wrappers put before the names.
std::string without_prefix(const std::string& name) {
    for (const char* part : {"features.", "classifier.", "pre_logits.", "head."}) {
        const size_t at = name.find(part);
        if (at == 0 || (at != std::string::npos && name[at - 1] == '.')) return name.substr(at);
    }
    return name;
}

}  // namespace

NamedArray hwio_to_oihw(const NamedArray& kernel) {
    const Shape& s = kernel.shape;
    return {kernel.name,
            {s[3], s[2], s[0], s[1]},
            transpose(kernel.values, {s[0], s[1], s[2], s[3]}, {3, 2, 0, 1})};
}

NamedArray dense_to_torch(const std::string& where, const NamedArray& kernel, int64_t channels) {
    const int64_t outputs = kernel.shape[1];
    const int64_t side = feature_side(where, kernel.name, kernel.shape[0], channels);
    return {kernel.name,
            {outputs, kernel.shape[0]},
            transpose(kernel.values, {side, side, channels, outputs}, {3, 2, 0, 1})};
}

std::vector<NamedArray> to_torch(const std::string& where, const std::vector<NamedArray>& arrays) {
    const std::vector<LayerName> convolutions = convolution_names();
    const std::vector<LayerName> dense = dense_names();
    std::vector<NamedArray> converted;
    for (const NamedArray& array : arrays) {
        const std::string layer = layer_of(array.name);
        const bool is_kernel = variable_of(array.name) == "kernel";
        const LayerName* convolution = find(convolutions, &LayerName::keras, layer);
        const LayerName* name = convolution != nullptr ? convolution : find(dense, &LayerName::keras, layer);
        if (name == nullptr || (!is_kernel && variable_of(array.name) != "bias")) {
            converted.push_back(own_to_torch(where, arrays, array));
            continue;
        }
        NamedArray result = array;
        if (is_kernel) {
            require_rank(where, array, convolution != nullptr ? 4 : 2);
            if (convolution != nullptr) {
                result = hwio_to_oihw(array);
            } else if (follows_flatten(layer)) {
                result = dense_to_torch(where, array, last_channels(where, arrays, "block5_conv3/kernel", 3));
            } else {
                result = transposed(array);
            }
        }
        result.name = name->torch + (is_kernel ? ".weight" : ".bias");
        converted.push_back(std::move(result));
    }
    return converted;
}

std::vector<NamedArray> from_torch(const std::string& where, const std::vector<NamedArray>& arrays) {
    const std::vector<LayerName> convolutions = convolution_names();
    const std::vector<LayerName> dense = dense_names();
    std::vector<NamedArray> converted;
    for (const NamedArray& array : arrays) {
        const std::string name = without_prefix(array.name);
        if (name.ends_with("running_mean")) {
            throw Error(where, "is a VGG with batch normalization (" + array.name + ")",
                        "Use the plain VGG16: torchvision.models.vgg16.");
        }
        const size_t dot = std::min(name.rfind('.'), name.size());
        const std::string layer = name.substr(0, dot);
        const bool is_weight = name.substr(dot) == ".weight";
        const LayerName* convolution = find(convolutions, &LayerName::torch, layer);
        const LayerName* found = convolution != nullptr ? convolution : find(dense, &LayerName::torch, layer);
        if (found == nullptr) {
            converted.push_back(own_from_torch(arrays, array));
            continue;
        }
        NamedArray result = array;
        if (is_weight && convolution != nullptr) {
            require_rank(where, array, 4);
            result = oihw_to_hwio(array);
        } else if (is_weight) {
            const NamedArray matrix = flat_convolution(array);
            require_rank(where, matrix, 2);
            result =
                follows_flatten(found->keras)
                    ? dense_from_torch(where, matrix, last_channels(where, arrays, "features.28.weight", 0))
                    : transposed(matrix);
        }
        result.name = found->keras + (is_weight ? "/kernel" : "/bias");
        converted.push_back(std::move(result));
    }
    sort_as_vgg16(converted);
    return converted;
}

}  // namespace objloc
