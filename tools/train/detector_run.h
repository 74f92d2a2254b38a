// A training run of the detect head over compositions, from the first scene to the last picture.
#pragma once

#include "tools/train/options.h"

namespace objloc {

/// Trains as the options say, for --minutes or for --epochs, and fills the run folder. Throws Error for anything a person
/// can mend.
void train_detector(const TrainOptions& options, const ModelChoice& choice);

}  // namespace objloc
