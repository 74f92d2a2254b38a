// Sees a training run collapse while it happens: VGG16 without normalisation can end in one constant box.
#pragma once

#include <optional>
#include <string>

#include "engine/training_step.h"
#include "generators/scene_generator.h"
#include "models/health.h"

namespace objloc {

class CollapseWatch {
  public:
    /// `scenes` gives the images that the network is examined on; the watch may move it as it likes.
    CollapseWatch(Backend& backend, Localizer& localizer, SceneGenerator scenes, int64_t total_steps);

    /// Looks at what a log interval up to `step` was like. A warning for people, with advice, when the
    /// predictions have become one box; once in a run.
    std::optional<std::string> check(const BoxReport& report, int64_t step);

    /// Dead ReLUs of each layer, now.
    std::vector<LayerHealth> layers();

  private:
    Backend& backend_;
    Localizer& localizer_;
    SceneGenerator scenes_;
    int64_t total_steps_;
    bool warned_ = false;
};

}  // namespace objloc
