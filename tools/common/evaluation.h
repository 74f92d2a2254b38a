// How good a localizer is on scenes it has not been trained on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/generators/scene_generator.h"
#include "objloc/models/box_meter.h"
#include "objloc/models/localizer.h"
#include "tools/common/box_scores.h"

namespace objloc {

/// Streams of scenes: what is trained on is never evaluated on.
enum : uint32_t { kTrainingStream = 0, kHeldOutStream = 1, kWatchStream = 2 };

/// The scene that a localizer of this configuration can look at.
SceneSpec scene_spec(SceneKind kind, const LocalizerConfig& config, uint64_t seed, uint32_t stream);

struct Evaluation {
    BoxReport report;
    std::vector<Box> truth, predicted;  // of each scene, in pixels
    std::vector<BoxScore> scores;       // of each scene, in pixels
    double constant_iou = 0;  // mean IoU of the best constant box: what a collapsed model could reach

    /// Lines for people, lengths in pixels.
    std::string text() const;
};

/// Evaluates on images 0 .. count - 1 of the generator's scene, a batch at a time.
Evaluation evaluate(Backend& backend, Localizer& localizer, SceneGenerator& scenes, int64_t count,
                    int64_t batch);

}  // namespace objloc
