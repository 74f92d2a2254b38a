// What a training of the detect head ends with: a calibration of its confidences, and how good it is over photographs
// that it has trained on and over others.
#pragma once

#include <string>

#include "objloc/generators/composition_generator.h"
#include "objloc/models/localizer.h"
#include "tools/common/detection_scores.h"
#include "tools/train/options.h"

namespace objloc {

/// Takes photographs away from the places to train on: one in eight, at least one, where there are four or more. They
/// come back as sources of the same objects over those places alone; without places of one's own, over those that come
/// with the program and are never trained on. Where nothing was taken away `places` is the same as in training.
CompositionSources hold_out(CompositionSources& training);

/// Sets the localizer's calibration from what it finds in compositions larger than its input, half of them without any
/// object.
void calibrate_on(Backend& backend, Localizer& localizer, const CompositionSources& sources, uint64_t seed);

struct DetectorReport {
    DetectionScores held_out, trained;  // over places held out from training, and over those trained on
    bool over_new_places = false;       // whether the two differ

    std::string text() const;
};

DetectorReport report_on(Backend& backend, Localizer& localizer, const CompositionSources& held_out,
                         const CompositionSources& trained, const TrainOptions& options);

}  // namespace objloc
