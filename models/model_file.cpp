#include "objloc/models/model_file.h"

#include <algorithm>
#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/models/compact.h"

namespace objloc {
namespace {

MatchedArrays match(const Localizer& localizer, const std::string& path, const WeightFile& file) {
    std::vector<WantedArray> wanted;
    for (const Parameter& parameter : localizer.parameters().all())
        wanted.push_back({parameter.name, parameter.shape});
    return match_arrays(path, file, wanted);
}

void take(Localizer& localizer, const MatchedArrays& matched) {
    std::vector<Parameter>& parameters = localizer.parameters().all();
    for (size_t i = 0; i < parameters.size(); ++i) {
        if (matched.arrays[i]) parameters[i].initial = matched.arrays[i]->values;
    }
}

/// Whether the last convolution has the filters that the width gives it: a width may be any number, and asks for as much
/// memory. Compared as doubles.
bool width_agrees(const LocalizerConfig& config, const WeightFile& file) {
    constexpr double kFiltersOfVgg16 = 512, kLargestWidth = 1000;
    if (!(config.width > 0 && config.width < kLargestWidth)) return false;
    std::string last = "block5_conv3";
    double filters = std::max(1.0, std::floor(kFiltersOfVgg16 * config.width));
    if (config.backbone == Backbone::compact) {
        constexpr int64_t kAnySide = 64;
        const CompactConv conv = compact_convolutions(config.width, kAnySide).back();
        last = conv.name, filters = static_cast<double>(conv.out);
    }
    return std::any_of(file.arrays.begin(), file.arrays.end(), [&](const NamedArray& array) {
        return array.name == last + "/kernel" && array.shape.rank() == 4 &&
               static_cast<double>(array.shape[3]) == filters;
    });
}

/// The detect head of a file that knows other classes: its boxes hold for any object, its scores start anew. Both lie
/// along the last axis, scores first.
void adapt_head(const Localizer& localizer, const Parameter& parameter, WeightFile& file) {
    constexpr int64_t kBoxFeatures = 4;
    if (localizer.config().head != HeadForm::detect || Localizer::in_backbone(parameter)) return;
    for (NamedArray& array : file.arrays) {
        if (array.name != parameter.name || array.shape.rank() != parameter.shape.rank()) continue;
        const int last = array.shape.rank() - 1;
        const int64_t there = array.shape[last], here = parameter.shape[last];
        const bool same_inputs = array.shape.count() / there == parameter.shape.count() / here;
        if (there == here || there <= kBoxFeatures || !same_inputs) continue;
        std::vector<float> values = parameter.initial;
        for (int64_t row = 0; row < parameter.shape.count() / here; ++row) {
            std::copy_n(array.values.begin() + (row + 1) * there - kBoxFeatures, kBoxFeatures,
                        values.begin() + (row + 1) * here - kBoxFeatures);
        }
        array.shape = parameter.shape, array.values = std::move(values);
    }
}

}  // namespace

std::optional<LocalizerConfig> config_in(const std::string& path, const WeightFile& file) {
    constexpr int64_t kLargestSide = 4096;  // pixels
    const auto attribute = file.attributes.find(kConfigAttribute);
    if (attribute == file.attributes.end()) return {};
    const LocalizerConfig config = LocalizerConfig::from_json(attribute->second);
    if (!width_agrees(config, file) || config.side < 32 || config.side > kLargestSide) {
        throw Error(path, "its configuration " + attribute->second + " and its tensors disagree",
                    "The file was changed after it was written; train or export it again.");
    }
    return config;
}

void save_model(const std::string& path, const Localizer& localizer) {
    std::vector<NamedArray> arrays;
    for (const Parameter& parameter : localizer.parameters().all()) {
        arrays.push_back({parameter.name, parameter.shape, localizer.parameters().download(parameter)});
    }
    write_keras_weights(path, arrays, {{kConfigAttribute, localizer.config().to_json()}});
}

Localizer load_model(const std::string& path) {
    const WeightFile file = read_keras_weights(path);
    const std::optional<LocalizerConfig> config = config_in(path, file);
    if (!config) {
        throw Error(
            path, "holds weights (" + file.format + ") but not what model they belong to",
            "Use the model.h5 of a run folder; objloc_train --weights starts a training from this file.");
    }
    Localizer localizer(*config, 0);
    const MatchedArrays matched = match(localizer, path, file);
    if (!matched.report.missing.empty()) {
        throw Error(path, "is incomplete.\n" + matched.report.text(),
                    "Use a model.h5 that objloc_train wrote.");
    }
    take(localizer, matched);
    return localizer;
}

LoadReport load_weights(Localizer& localizer, const std::string& path) {
    WeightFile file = read_keras_weights(path);
    for (const Parameter& parameter : localizer.parameters().all()) adapt_head(localizer, parameter, file);
    const MatchedArrays matched = match(localizer, path, file);
    const std::vector<Parameter>& parameters = localizer.parameters().all();
    for (size_t i = 0; i < parameters.size(); ++i) {
        if (matched.arrays[i] || !Localizer::in_backbone(parameters[i])) continue;
        throw Error(path,
                    "lacks " + parameters[i].name + " of " + localizer.config().architecture() + ".\n" +
                        matched.report.text(),
                    "Check --model, or look inside with: objloc_weights inspect " + path);
    }
    take(localizer, matched);
    return matched.report;
}

}  // namespace objloc
