#include "tools/weights/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "objloc/engine/error.h"
#include "objloc/models/formats/safetensors.h"
#include "objloc/models/formats/torch_names.h"
#include "objloc/models/model_file.h"
#include "tools/weights/onnx_export.h"
#include "tools/weights/vgg16_file.h"

namespace objloc {
namespace {

/// The model's own tensors under its own names, then the classifier's layers of a file with the top.
struct Selection {
    std::vector<NamedArray> arrays;
    LoadReport report;
};

bool in_top(const NamedArray& array) {
    const std::string layer = layer_of(array.name);
    return layer == "fc1" || layer == "fc2" || layer == "predictions";
}

Selection select(const std::string& path, const WeightFile& file) {
    std::vector<WantedArray> wanted = vgg16_tensors(path, file);
    for (const NamedArray& array : file.arrays) {
        if (in_top(array)) wanted.push_back({array.name, array.shape});
    }
    MatchedArrays matched = match_arrays(path, file, wanted);
    if (!matched.report.missing.empty()) {
        throw Error(path, "is incomplete.\n" + matched.report.text(), "Only a whole VGG16 can be converted.");
    }
    Selection selection{{}, std::move(matched.report)};
    for (size_t i = 0; i < wanted.size(); ++i) {
        selection.arrays.push_back({wanted[i].name, matched.arrays[i]->shape, matched.arrays[i]->values});
    }
    return selection;
}

void write_onnx(const ConvertOptions& options, const std::vector<NamedArray>& arrays,
                const std::optional<LocalizerConfig>& config) {
    if (!config) {
        throw Error(options.in, "has no localizer's head, so there is no network to export",
                    "Export the model.h5 of a run folder.");
    }
    export_onnx(options.out, arrays, *config, options.layout);
}

}  // namespace

std::string convert_weights(const ConvertOptions& options) {
    const WeightFile file = read_weight_file(options.in);
    const Selection selection = select(options.in, file);
    const std::optional<LocalizerConfig> config = localizer_config(options.in, file, options.preprocess);
    std::map<std::string, std::string> attributes;
    if (config) attributes[kConfigAttribute] = config->to_json();

    if (options.out.ends_with(".h5") || options.out.ends_with(".hdf5")) {
        write_keras_weights(options.out, selection.arrays, attributes);
    } else if (options.out.ends_with(".safetensors")) {
        attributes["format"] = "pt";  // so transformers and timm know whose axis order it is
        write_safetensors(options.out, to_torch(options.in, selection.arrays), attributes);
    } else if (options.out.ends_with(".onnx")) {
        write_onnx(options, selection.arrays, config);
    } else {
        throw Error(options.out, "its ending does not say what to write", "Use .h5, .safetensors or .onnx.");
    }
    std::string text =
        fmt::format("{} ({}) -> {}\n{}", options.in, file.format, options.out, selection.report.text());
    if (config) text += "model: " + config->to_json() + "\n";
    return text;
}

}  // namespace objloc
