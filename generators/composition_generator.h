// Training images without end that are like life (kernels/localizer/composition.h): draws batch after batch on a
// backend, straight into its memory.
#pragma once

#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {

/// A picture of an object, a PNG file with an alpha channel, and the name of its class.
struct ObjectPicture {
    std::string name, path;
};

/// From "mug.png", "mug=front.png" and folders of such files, whose names without ending are the classes. Several
/// pictures may show one class. Throws Error for a folder that cannot be read or holds no picture.
std::vector<ObjectPicture> object_pictures(const std::vector<std::string>& arguments);

/// The classes of the pictures, in the order in which they come first.
std::vector<std::string> class_names(const std::vector<ObjectPicture>& pictures);

/// Where the pictures come from; what is left empty comes with the program.
struct CompositionSources {
    std::vector<ObjectPicture> objects;
    std::vector<std::string> others;  // more things that are no objects, beside those that the program draws
    std::vector<std::string> places;  // photographs: files and folders; collages of them come beside
    bool held_out = false;            // of the places that come with the program, those never trained on
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
    /// Files in the folders that were passed over as no images.
    const std::vector<std::string>& skipped_files() const { return skipped_; }

  private:
    Backend& backend_;
    CompositionSpec spec_;
    CompositionAssets assets_;
    Tensor next_index_;
    std::vector<std::string> skipped_;
};

}  // namespace objloc
