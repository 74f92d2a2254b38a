// Pictures for people: training scenes with their boxes, held-out scenes with truth and prediction.
#pragma once

#include <string>

#include "objloc/generators/drawing.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// In every picture that a tool draws.
constexpr Colour kTruthColour = {255, 255, 255}, kPredictedColour = {60, 255, 60};

/// Image `index` of the generator's scene, RGB, as a person sees it whatever the network's preprocessing is.
/// Leaves the generator after it.
Image scene_image(Backend& backend, SceneGenerator& scenes, uint64_t index);

/// A grid of the generator's first scenes, each with its box. Leaves the generator after them.
void write_scene_sheet(const std::string& path, Backend& backend, SceneGenerator& scenes);

/// The same with the true box in white and the predicted one in green.
void write_predictions(const std::string& path, Backend& backend, Localizer& localizer,
                       SceneGenerator& scenes);

}  // namespace objloc
