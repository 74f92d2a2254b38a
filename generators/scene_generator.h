// Training images without end: draws batch after batch of a scene on a backend, straight into its memory.
#pragma once

#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/generators/augmentation.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {

/// "blob", "cat", "natural". Throws Error for another name.
SceneKind scene_kind(const std::string& name);
const char* name_of(SceneKind kind);

/// Where the pictures of a scene come from; what is left empty comes with the program.
struct SceneSources {
    std::string sprite;                    // PNG with an alpha channel
    std::vector<std::string> backgrounds;  // files and folders
    bool held_out = false;      // of the backgrounds that come with the program, those never trained on
    Augmentation variety = {};  // of sprites and backgrounds
};

class SceneGenerator {
  public:
    /// Of `spec` the caller gives all but the counts of pictures, which are filled in here. Throws Error for
    /// a side outside 32 .. 1024, outputs other than 3 or 4, and pictures that do not do.
    SceneGenerator(Backend& backend, const SceneSpec& spec, const SceneSources& sources = {});

    /// The next N images (N, side, side, 3) f32, as spec().preprocess has it, and their boxes (N, outputs)
    /// f32. All on the device, the count of images drawn included, so that a captured step draws new ones at
    /// each replay.
    void draw(const Tensor& images, const Tensor& boxes);
    /// The next image drawn will be image `index` of the scene. Not within a captured step.
    void seek(uint64_t index);

    const SceneSpec& spec() const { return spec_; }
    const SceneAssets& assets() const { return assets_; }
    /// Files in the folders of backgrounds that were passed over as no images.
    const std::vector<std::string>& skipped_files() const { return skipped_; }

  private:
    void load_sprite(const SceneSources& sources);
    void load_photographs(const SceneSources& sources);

    Backend& backend_;
    SceneSpec spec_;
    SceneAssets assets_;
    Tensor next_index_;  // i64 (1)
    std::vector<std::string> skipped_;
};

}  // namespace objloc
