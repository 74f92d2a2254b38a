// Pictures for people: training scenes with their boxes, held-out scenes with truth and prediction.
#pragma once

#include <string>

#include "generators/scene_generator.h"
#include "models/localizer.h"

namespace objloc {

/// A grid of the generator's first scenes, each with its box. Leaves the generator after them.
void write_scene_sheet(const std::string& path, Backend& backend, SceneGenerator& scenes);

/// The same with the true box in white and the predicted one in green.
void write_predictions(const std::string& path, Backend& backend, Localizer& localizer,
                       SceneGenerator& scenes);

}  // namespace objloc
