// A training step over images and boxes: draw, predict, measure, update.
#pragma once

#include <functional>

#include "objloc/engine/training_step.h"
#include "objloc/models/box_loss.h"
#include "objloc/models/box_meter.h"
#include "objloc/models/localizer.h"

namespace objloc {

class LocalizerStep {
  public:
    /// The boxes (N, outputs) that the model predicts, and the loss (1).
    struct Graph {
        Variable predicted, loss;
    };
    /// What the step needs; shapes are the same each time.
    struct Parts {
        std::function<void(const Tensor& images, const Tensor& boxes)> draw;  // overwrites both
        std::function<Graph(Tape& tape, const Variable& images, const Variable& boxes)> forward;
        Shape images, boxes;
    };
    /// Throws Error when the backend has no LocalizerKernels. Backend and optimizer must outlive the step.
    LocalizerStep(Backend& backend, Optimizer& optimizer, Parts parts);

    /// Runs one step at this learning rate.
    void run(double rate) { step_.run(rate); }
    BoxMeter& meter() { return meter_; }

  private:
    Variable loss(Tape& tape);

    Parts parts_;
    BoxMeter meter_;
    Tensor images_, boxes_;
    TrainingStep step_;
};

/// The forward pass of a training step: the model's boxes and their loss. `localizer` must outlive the result.
std::function<LocalizerStep::Graph(Tape&, const Variable& images, const Variable& boxes)> training_graph(
    Localizer& localizer, const BoxLoss& loss);

}  // namespace objloc
