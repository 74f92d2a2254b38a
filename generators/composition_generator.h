// Training images without end that are like life (kernels/localizer/composition.h): draws batch after batch on a
// backend, straight into its memory.
#pragma once

#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {

/// Where the pictures come from; what is left empty comes with the program.
struct CompositionSources {
    std::vector<std::string> objects;  // PNG files with an alpha channel; entry i shows class i
    std::vector<std::string> others;   // the same, of things that are no objects: files and folders
    std::vector<std::string> places;   // photographs: files and folders
    bool held_out = false;             // of the places that come with the program, those never trained on
};

class CompositionGenerator {
  public:
    /// Of `spec` the caller gives all but the counts of pictures, which are filled in here. Throws Error for a side
    /// outside 32 .. 1024, and for pictures that cannot be read or used.
    CompositionGenerator(Backend& backend, const CompositionSpec& spec, const CompositionSources& sources);

    /// The next N images (N, side, side, 3) f32, and their truth (N, kMaxObjects, kTruthFields) f32. All on the
    /// device, the count of images drawn included, so that a captured step draws new ones at each replay.
    void draw(const Tensor& images, const Tensor& truth);
    /// The next image drawn will be image `index`. Not within a captured step.
    void seek(uint64_t index);

    const CompositionSpec& spec() const { return spec_; }
    int64_t classes() const { return classes_; }
    /// Files in the folders that were passed over as no images.
    const std::vector<std::string>& skipped_files() const { return skipped_; }

  private:
    Backend& backend_;
    CompositionSpec spec_;
    CompositionAssets assets_;
    Tensor next_index_;
    int64_t classes_ = 1;
    std::vector<std::string> skipped_;
};

}  // namespace objloc
