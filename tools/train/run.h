// A training run, from the first scene to the last picture.
#pragma once

#include "tools/train/options.h"

namespace objloc {

/// Trains as the options say and fills the run folder. Throws Error for anything a person can mend; when the
/// loss or its gradient stops being finite, the last good weights are saved first.
void train(const TrainOptions& options);

}  // namespace objloc
