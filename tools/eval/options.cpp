#include "tools/eval/options.h"

#include "objloc/engine/error.h"

namespace objloc {
namespace {

/// The flags that concern scenes; none goes with --images.
std::vector<CLI::Option*> add_scene_flags(EvalOptions& options, CLI::App& app) {
    return {
        app.add_option("--scene", options.scene, "blob, cat or natural, as objloc_train draws them")
            ->check(CLI::IsMember({"blob", "cat", "natural"}))
            ->capture_default_str(),
        app.add_option("--sprite", options.sprite, "your own object instead of the cat"),
        app.add_option(
            "--backgrounds", options.backgrounds,
            "your own photographs: folders or PNG/JPEG files (default: those that come with objloc "
            "and that it never trains on)"),
        app.add_option("--seed", options.seed, "which scenes; never those of a training, whatever its seed")
            ->capture_default_str(),
        app.add_option("--count", options.count, "scenes")
            ->check(CLI::Range(int64_t{1}, int64_t{10'000'000}))
            ->capture_default_str(),
        app.add_option("--batch", options.batch, "scenes at a time")
            ->check(CLI::Range(int64_t{1}, int64_t{65536}))
            ->capture_default_str(),
    };
}

}  // namespace

void EvalOptions::add_to(CLI::App& app) {
    app.add_option("--model", model, "the model.h5 of a run folder; it says all about the model")->required();
    const std::vector<CLI::Option*> scene_flags = add_scene_flags(*this, app);
    CLI::Option* images_flag =
        app.add_option("--images", images, "a folder of PNG or JPEG files of any size, instead of scenes");
    CLI::Option* boxes_flag =
        app.add_option("--boxes", boxes,
                       "their true boxes: a CSV file with the first line file,x,y,width,height (or "
                       "file,x,y,size), in pixels of each picture, (x, y) being the top-left corner");
    images_flag->needs(boxes_flag);
    boxes_flag->needs(images_flag);
    for (CLI::Option* flag : scene_flags) images_flag->excludes(flag);
    app.add_option("--out", out, "folder for worst.png, best.png and eval.json");
    app.add_flag("--json", json, "print one JSON object and nothing else");
    device.add_to(app);
}

void EvalOptions::check() const {
    if (scene == "blob" && !sprite.empty()) {
        throw Error("--sprite", "does not concern --scene blob", "Use --scene cat or --scene natural.");
    }
    if (scene != "natural" && !backgrounds.empty()) {
        throw Error("--backgrounds", "does not concern --scene " + scene, "Use --scene natural.");
    }
}

}  // namespace objloc
