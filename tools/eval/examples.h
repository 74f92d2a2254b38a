// What a localizer is evaluated on: pictures with a true box and the predicted one.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/localizer.h"
#include "tools/common/box_scores.h"
#include "tools/eval/options.h"

namespace objloc {

struct Example {
    std::string name;  // the file, or "scene 17"
    int width = 0, height = 0;
    Box truth, predicted;  // in pixels of the picture, as are the score's lengths
    BoxScore score;
    double side = 0;  // of the object, as the network sees it: the root of its area in pixels of its input
};

struct ExampleSet {
    nlohmann::ordered_json about = nlohmann::ordered_json::object();  // what they are, by name
    std::vector<Example> examples;
    double constant_iou = 0;               // mean IoU of the best constant box
    std::function<Image(size_t)> picture;  // RGB, of example i; needs the backend still
};

/// Scenes that no training saw, as the options have them.
ExampleSet scene_examples(const EvalOptions& options, Backend& backend, Localizer& localizer);

/// The pictures of --images that --boxes names. Throws Error when one of them cannot be had.
ExampleSet folder_examples(const EvalOptions& options, Backend& backend, Localizer& localizer);

}  // namespace objloc
