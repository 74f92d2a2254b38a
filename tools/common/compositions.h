// Compositions for training and for judging: their spec, what a localizer finds in them, and sheets for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/generators/composition_generator.h"
#include "objloc/models/localizer.h"
#include "tools/common/detection_scores.h"
#include "tools/common/evaluation.h"

namespace objloc {

/// The compositions that a localizer of this configuration can look at.
CompositionSpec composition_spec(const LocalizerConfig& config, uint64_t seed, uint32_t stream,
                                 double strength);

/// What the detect head says of images (N, side, side, 3) that lie on the backend: each image's detections, down to low
/// confidences.
std::vector<std::vector<Detection>> detect(Backend& backend, Localizer& localizer, const Tensor& images);

/// Images 0 .. count - 1 of the generator with what is found in them, a batch at a time.
std::vector<DetectionExample> composition_examples(Backend& backend, Localizer& localizer,
                                                   CompositionGenerator& scenes, int64_t count,
                                                   int64_t batch);

/// The generator's next image as a picture for people, and its objects.
struct ComposedPicture {
    Image image;
    DetectionExample example;
};
ComposedPicture next_composition(Backend& backend, CompositionGenerator& scenes);

/// A grid of the generator's first images, each with the boxes of its objects. Leaves the generator after them.
void write_composition_sheet(const std::string& path, Backend& backend, CompositionGenerator& scenes);

/// The same with true boxes in white and found ones in green.
void write_detections(const std::string& path, Backend& backend, Localizer& localizer,
                      CompositionGenerator& scenes);

}  // namespace objloc
