#include "tools/train/collapse_detector.h"

#include <fmt/format.h>

#include <utility>

namespace objloc {
namespace {

/// Predictions that vary by less than a hundredth of the side are one box; true boxes vary by a fifth of it.
constexpr double kConstantVariance = 1e-4;
/// An untrained network's predictions vary little as well: it is given a tenth of the training to begin.
constexpr int64_t kStart = 10;
constexpr int64_t kImages = 16;

constexpr const char* kAdvice =
    "Try a smaller --lr, a longer --warmup, --clip-norm 1 or another --seed; --recipe best has not been seen "
    "to do so.";

}  // namespace

CollapseDetector::CollapseDetector(Backend& backend, Localizer& localizer,
                                   std::function<SceneGenerator()> make_scenes, int64_t total_steps)
    : backend_(backend),
      localizer_(localizer),
      make_scenes_(std::move(make_scenes)),
      total_steps_(total_steps) {
}

std::optional<std::string> CollapseDetector::check(const BoxReport& report, int64_t step) {
    if (warned_ || step < total_steps_ / kStart || report.variance >= kConstantVariance) return {};
    warned_ = true;
    const std::string dead = text_of(layers());
    return fmt::format(
        "Warning: at step {} the network gives nearly the same box for every image (variance {:.1e}): it has "
        "collapsed.\n"
        "Dead ReLU channels: {}.\n{}\n",
        step, report.variance, dead.empty() ? "none, so it may recover" : dead, kAdvice);
}

std::vector<LayerHealth> CollapseDetector::layers() {
    SceneGenerator scenes = make_scenes_();
    const SceneSpec& spec = scenes.spec();
    const Tensor images = backend_.allocate({kImages, spec.side, spec.side, 3}),
                 boxes = backend_.allocate({kImages, spec.outputs});
    scenes.draw(images, boxes);
    return layer_health(backend_, localizer_, images);
}

}  // namespace objloc
