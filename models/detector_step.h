// A training step over compositions: draw, predict, measure, update.
#pragma once

#include <functional>

#include "objloc/engine/training_step.h"
#include "objloc/models/localizer.h"

namespace objloc {

class DetectorStep {
  public:
    using Draw = std::function<void(const Tensor& images, const Tensor& truth)>;  // overwrites both

    /// `localizer` has the detect head, `draw` gives images (batch, side, side, 3) and their truth
    /// (batch, kMaxObjects, kTruthFields). All must outlive the step.
    DetectorStep(Backend& backend, Optimizer& optimizer, Localizer& localizer, Draw draw, int64_t batch);

    /// Runs one step at this learning rate.
    void run(double rate);
    /// The mean loss of the steps since the last reading. Waits for the device.
    double read_loss();

  private:
    Variable loss(Tape& tape);

    Backend& backend_;
    Localizer& localizer_;
    Tensor images_, truth_, sum_;
    int64_t steps_ = 0;
    TrainingStep step_;
};

}  // namespace objloc
