// What every kind of training writes into its run folder.
#pragma once

#include <cstdint>
#include <string>

#include "objloc/engine/backend.h"
#include "objloc/models/localizer.h"
#include "tools/train/options.h"
#include "tools/train/run_folder.h"

namespace objloc {

/// The text of config.json: the options, the localizer, the backend, the version.
std::string config_text(const TrainOptions& options, const Localizer& localizer, const Backend& backend);

/// Saves the model and throws Error: `what` ("loss", "gradient") was not finite at a step. Updates with such gradients
/// are skipped on the device, so the weights are those from before that step.
[[noreturn]] void stop_not_finite(const RunFolder& folder, Localizer& localizer, const std::string& what,
                                  int64_t step);

}  // namespace objloc
