#include "tools/train/run_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "objloc/models/model_file.h"

namespace objloc {

std::string config_text(const TrainOptions& options, const Localizer& localizer, const Backend& backend) {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(options.to_json());
    json["localizer"] = nlohmann::ordered_json::parse(localizer.config().to_json());
    json["backend"] = backend.name();
    json["backend_description"] = backend.description();
    json["objloc_version"] = version();
    return json.dump(2) + "\n";
}

void stop_not_finite(const RunFolder& folder, Localizer& localizer, const std::string& what, int64_t step) {
    const std::string file = folder.file("model.h5");
    save_model(file, localizer);
    throw Error("training", fmt::format("the {} is not finite at step {}", what, step),
                "The weights from before that step are in " + file +
                    ". Try a smaller --lr, --warmup 20 or --clip-norm 1.");
}

}  // namespace objloc
