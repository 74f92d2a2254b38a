#include "tools/eval/run.h"

#include <fmt/format.h>

#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/models/model_file.h"
#include "tools/common/output_folder.h"
#include "tools/eval/example_sheet.h"
#include "tools/eval/report.h"

namespace objloc {
namespace {

void require_finite(const std::string& model, const std::vector<Example>& examples) {
    for (const Example& example : examples) {
        const Box& box = example.predicted;
        if (std::isfinite(box.x + box.y + box.width + box.height)) continue;
        throw Error(model, "the box that it predicts for " + example.name + " is not finite",
                    "Its weights grew too large while it was trained: train again with --clip-norm 1.");
    }
}

void write_folder(const std::string& folder, const EvalReport& report, const ExampleSet& set,
                  const std::string& json) {
    const Image worst = example_sheet(report.worst, set), best = example_sheet(report.best, set);
    save_png(folder + "/worst.png", worst);
    save_png(folder + "/best.png", best);
    write_file_atomically(folder + "/eval.json", json);
}

std::string folder_text(const std::string& folder, const EvalReport& report, const ExampleSet& set) {
    return fmt::format(
        "\n{0}/worst.png, row by row (truth in white, prediction in green):\n{1}"
        "{0}/best.png:\n{2}{0}/eval.json has all of this.\n",
        folder, listing_text(report.worst, set), listing_text(report.best, set));
}

}  // namespace

void evaluate_model(const EvalOptions& options) {
    options.check();
    Localizer localizer = load_model(options.model);
    const std::unique_ptr<Backend> backend = options.device.make();
    localizer.parameters().to_device(*backend);
    if (!options.out.empty()) make_output_folder(options.out);

    const ExampleSet set = options.images.empty() ? scene_examples(options, *backend, localizer)
                                                  : folder_examples(options, *backend, localizer);
    require_finite(options.model, set.examples);
    const EvalReport report = make_report(options.model, set);
    // File names need not be UTF-8, JSON must be.
    const std::string json =
        report_json(report, set).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (!options.out.empty()) write_folder(options.out, report, set, json);
    if (options.json) {
        fmt::print("{}", json);
    } else {
        fmt::print("{}{}", report_text(report),
                   options.out.empty() ? "" : folder_text(options.out, report, set));
    }
}

}  // namespace objloc
