#include "tools/weights/vgg16_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "objloc/engine/error.h"
#include "objloc/models/formats/safetensors.h"
#include "objloc/models/formats/torch_names.h"
#include "objloc/models/model_file.h"
#include "objloc/models/vgg16.h"

namespace objloc {
namespace {

const NamedArray* find(const WeightFile& file, const std::string& name) {
    const auto found =
        std::find_if(file.arrays.begin(), file.arrays.end(), [&](const auto& a) { return a.name == name; });
    return found == file.arrays.end() ? nullptr : &*found;
}

bool is_onnx_or_pickle(const std::string& path) {
    return path.ends_with(".onnx") || path.ends_with(".pth") || path.ends_with(".pt");
}

/// The head: the only dense layer with three or four outputs, whatever number Keras gave it.
const NamedArray* head_kernel(const WeightFile& file) {
    if (const NamedArray* dense = find(file, "dense/kernel")) return dense;
    const auto is_head = [](const NamedArray& array) {
        return array.name.starts_with("dense_") && variable_of(array.name) == "kernel" &&
               array.shape.rank() == 2;
    };
    const auto found = std::find_if(file.arrays.begin(), file.arrays.end(), is_head);
    return found == file.arrays.end() ? nullptr : &*found;
}

/// As many as the bias has, so that a transposed kernel shows.
int64_t head_outputs(const WeightFile& file, const NamedArray& kernel) {
    const NamedArray* bias = find(file, layer_of(kernel.name) + "/bias");
    const bool fits = bias != nullptr && bias->shape.rank() == 1 && bias->shape[0] > 0 &&
                      kernel.shape.count() % bias->shape[0] == 0;
    return fits ? bias->shape[0] : std::max<int64_t>(1, kernel.shape[1]);
}

/// The width comes from the last block, where the channels are most, so that rounding does not mislead.
int64_t last_filters(const std::string& path, const WeightFile& file) {
    const NamedArray* last = find(file, "block5_conv3/kernel");
    if (last == nullptr) {
        throw Error(path, "has no VGG16 in it: block5_conv3/kernel is missing (" + file.format + ")",
                    "See what it holds: objloc_weights inspect " + path);
    }
    if (last->shape.rank() != 4)
        throw Error(path, "block5_conv3/kernel has the shape " + last->shape.text(), "");
    return last->shape[3];
}

double width_of(const std::string& path, const WeightFile& file) {
    constexpr double kFiltersAtWidthOne = 512;
    return static_cast<double>(std::max<int64_t>(1, last_filters(path, file))) / kFiltersAtWidthOne;
}

/// The side of the smallest image whose features have as many values as the head has inputs.
int64_t side_of(const std::string& path, const WeightFile& file, const NamedArray& head) {
    constexpr int64_t kPools = 32;  // five pools, each halves
    const int64_t channels = last_filters(path, file);
    const int64_t pixels = channels > 0 ? head.shape[0] / channels : 0;
    const int64_t side = std::lround(std::sqrt(static_cast<double>(pixels)));
    if (side < 1 || side * side * channels != head.shape[0]) {
        throw Error(
            path,
            fmt::format("{} has {} inputs, no square of {} channels", head.name, head.shape[0], channels),
            "Only models of square images are known here.");
    }
    return kPools * side;
}

}  // namespace

WeightFile read_weight_file(const std::string& path) {
    if (is_onnx_or_pickle(path)) {
        throw Error(path, "is of a kind that can only be written, or not read safely",
                    "Turn PyTorch's .pth into .safetensors first; weights/README.md shows how.");
    }
    if (!is_safetensors(path)) return read_keras_weights(path);
    WeightFile file = read_safetensors(path);
    file.arrays = from_torch(path, file.arrays);
    return file;
}

std::vector<WantedArray> vgg16_tensors(const std::string& path, const WeightFile& file) {
    std::vector<WantedArray> wanted;
    if (const auto own = config_in(path, file)) {
        const Localizer localizer(*own, 0);
        for (const Parameter& parameter : localizer.parameters().all())
            wanted.push_back({parameter.name, parameter.shape});
        return wanted;
    }
    constexpr int64_t kAnySide = 32;
    for (const Vgg16Conv& convolution : vgg16_convolutions(width_of(path, file), kAnySide)) {
        wanted.push_back({convolution.name + "/kernel", {3, 3, convolution.in, convolution.out}});
        wanted.push_back({convolution.name + "/bias", {convolution.out}});
    }
    if (const NamedArray* head = head_kernel(file)) {
        if (head->shape.rank() != 2)
            throw Error(path, head->name + " has the shape " + head->shape.text(), "");
        const int64_t outputs = head_outputs(file, *head);
        wanted.push_back({"dense/kernel", {head->shape.count() / outputs, outputs}});
        wanted.push_back({"dense/bias", {outputs}});
    }
    return wanted;
}

std::optional<LocalizerConfig> localizer_config(const std::string& path, const WeightFile& file,
                                                Preprocess preprocess) {
    if (const auto own = config_in(path, file)) return own;
    const NamedArray* head = head_kernel(file);
    if (head == nullptr || head->shape.rank() != 2 || (head->shape[1] != 3 && head->shape[1] != 4)) return {};
    LocalizerConfig config;
    config.width = width_of(path, file);
    config.side = side_of(path, file, *head);
    config.box = head->shape[1] == 3 ? BoxForm::square : BoxForm::rect;
    config.head = HeadForm::flatten;
    config.preprocess = preprocess;
    return config;
}

}  // namespace objloc
