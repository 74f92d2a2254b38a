// Sees a training run collapse while it happens: VGG16 without normalisation can end in one constant box.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "objloc/generators/scene_generator.h"
#include "objloc/models/box_meter.h"
#include "objloc/models/health.h"

namespace objloc {

class CollapseDetector {
  public:
    /// `make_scenes` gives the images that the network is examined on; it is called only when one is
    /// examined, for loading pictures takes time and most runs never need it.
    CollapseDetector(Backend& backend, Localizer& localizer, std::function<SceneGenerator()> make_scenes,
                     int64_t total_steps);

    /// Looks at what a log interval up to `step` was like. A warning for people, with advice, when the
    /// predictions have become one box; once in a run.
    std::optional<std::string> check(const BoxReport& report, int64_t step);

    /// Dead ReLUs of each layer, now.
    std::vector<LayerHealth> layers();

  private:
    Backend& backend_;
    Localizer& localizer_;
    std::function<SceneGenerator()> make_scenes_;
    int64_t total_steps_;
    bool warned_ = false;
};

}  // namespace objloc
