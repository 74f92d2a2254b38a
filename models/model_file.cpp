#include "models/model_file.h"

#include "engine/error.h"

namespace objloc {
namespace {

constexpr const char* kConfigAttribute = "objloc_config";

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

}  // namespace

void save_model(const std::string& path, const Localizer& localizer) {
    std::vector<NamedArray> arrays;
    for (const Parameter& parameter : localizer.parameters().all()) {
        arrays.push_back({parameter.name, parameter.shape, localizer.parameters().download(parameter)});
    }
    write_keras_weights(path, arrays, {{kConfigAttribute, localizer.config().to_json()}});
}

Localizer load_model(const std::string& path) {
    const WeightFile file = read_keras_weights(path);
    const auto config = file.attributes.find(kConfigAttribute);
    if (config == file.attributes.end()) {
        throw Error(
            path, "holds weights (" + file.format + ") but not what model they belong to",
            "Use the model.h5 of a run folder; objloc_train --weights starts a training from this file.");
    }
    Localizer localizer(LocalizerConfig::from_json(config->second), 0);
    const MatchedArrays matched = match(localizer, path, file);
    if (!matched.report.missing.empty()) {
        throw Error(path, "is incomplete.\n" + matched.report.text(),
                    "Use a model.h5 that objloc_train wrote.");
    }
    take(localizer, matched);
    return localizer;
}

LoadReport load_weights(Localizer& localizer, const std::string& path) {
    const WeightFile file = read_keras_weights(path);
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
