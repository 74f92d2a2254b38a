#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "objloc/generators/embedded_assets.h"
#include "tools/common/evaluation.h"
#include "tools/common/pictures.h"
#include "tools/eval/examples.h"

namespace objloc {
namespace {

std::string backgrounds_text(const SceneSources& sources) {
    if (!sources.backgrounds.empty()) return fmt::format("{}", fmt::join(sources.backgrounds, ", "));
    std::vector<std::string_view> names;
    for (const EmbeddedFile& file : embedded_held_out_backgrounds()) names.push_back(file.name);
    return fmt::format("{} (they come with objloc, which never trains on them)", fmt::join(names, ", "));
}

nlohmann::ordered_json about_scenes(const EvalOptions& options, const SceneGenerator& scenes,
                                    const SceneSources& sources) {
    nlohmann::ordered_json about = {{"scene", options.scene}, {"seed", options.seed}};
    const SceneKind kind = scenes.spec().kind;
    if (kind != SceneKind::blob) {
        about["sprite"] = sources.sprite.empty()
                              ? fmt::format("{} (it comes with objloc)", embedded_sprite().name)
                              : sources.sprite;
    }
    if (kind == SceneKind::natural) about["backgrounds"] = backgrounds_text(sources);
    if (!scenes.skipped_files().empty()) about["skipped_files"] = scenes.skipped_files();
    return about;
}

}  // namespace

ExampleSet scene_examples(const EvalOptions& options, Backend& backend, Localizer& localizer) {
    const LocalizerConfig& config = localizer.config();
    const SceneSources sources{options.sprite, options.backgrounds, /*held_out=*/true};
    const auto scenes = std::make_shared<SceneGenerator>(
        backend, scene_spec(scene_kind(options.scene), config, options.seed, kHeldOutStream), sources);
    const Evaluation evaluation = evaluate(backend, localizer, *scenes, options.count, options.batch);

    ExampleSet set;
    set.about = about_scenes(options, *scenes, sources);
    set.constant_iou = evaluation.constant_iou;
    const int side = static_cast<int>(config.side);
    for (size_t i = 0; i < evaluation.truth.size(); ++i) {
        const Box& truth = evaluation.truth[i];
        set.examples.push_back({fmt::format("scene {}", i), side, side, truth, evaluation.predicted[i],
                                evaluation.scores[i], std::sqrt(truth.width * truth.height)});
    }
    set.picture = [&backend, scenes](size_t i) { return scene_image(backend, *scenes, i); };
    return set;
}

}  // namespace objloc
