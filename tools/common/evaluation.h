// How good a localizer is on scenes it has not been trained on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/training_step.h"
#include "generators/scene_generator.h"
#include "models/localizer.h"

namespace objloc {

/// Streams of scenes: what is trained on is never evaluated on.
enum : uint32_t { kTrainingStream = 0, kHeldOutStream = 1, kWatchStream = 2 };

struct Evaluation {
    BoxReport report;
    double constant_iou = 0;  // mean IoU of the best constant box: what a collapsed model could reach
    int64_t side = 0;

    /// Lines for people, lengths in pixels.
    std::string text() const;
};

/// Evaluates on images 0 .. count - 1 of the generator's scene, a batch at a time.
Evaluation evaluate(Backend& backend, Localizer& localizer, SceneGenerator& scenes, int64_t count,
                    int64_t batch);

/// Predicted boxes (N, outputs) of images (N, side, side, 3) that lie on the backend.
std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images);

/// The largest mean IoU that one constant box (x, y, w, h) reaches over `boxes` (N, outputs), found by
/// coordinate search from the median box.
double best_constant_iou(const std::vector<float>& boxes, int outputs);

}  // namespace objloc
