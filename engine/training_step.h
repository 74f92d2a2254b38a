// One training step, a callable with static shapes: generate, forward, backward, update. A CPU runs it; on
// CUDA it is captured once and replayed. What is known of its progress stays on the device until it is asked
// for.
#pragma once

#include <array>
#include <functional>

#include "objloc/engine/backend.h"
#include "objloc/engine/optimizer.h"
#include "objloc/engine/tape.h"

namespace objloc {

/// Averages over the boxes seen since the last reading; lengths in fractions of the image side.
struct BoxReport {
    int64_t steps = 0, finite_steps = 0, images = 0;
    double loss = 0, floor = 0;  // per step and per box; their difference is what can be learned
    double iou = 0, over_50 = 0, over_75 = 0;
    double centre_error = 0, size_error = 0;
    double variance = 0;  // of the predictions, averaged over outputs: near 0 means one constant box
};

/// Gathers BoxMetrics on the device.
class BoxMeter {
  public:
    explicit BoxMeter(Backend& backend);
    /// Adds a batch; queued like any op.
    void add(const Tensor& predicted, const Tensor& truth, const Tensor& loss);
    /// Waits for the device, reads and starts anew.
    BoxReport read();

  private:
    Backend& backend_;
    Tensor sums_;
    int outputs_ = 0;
};

class TrainingStep {
  public:
    /// The boxes (N, outputs) that the model predicts, and the loss (1).
    struct Graph {
        Variable predicted, loss;
    };
    /// What the step needs from the world; shapes are the same each time.
    struct Parts {
        std::function<void(const Tensor& images, const Tensor& boxes)> draw;  // overwrites both
        std::function<Graph(Tape& tape, const Variable& images, const Variable& boxes)> forward;
        Shape images, boxes;
    };
    TrainingStep(Backend& backend, Optimizer& optimizer, Parts parts);

    /// Runs one step at this learning rate.
    void run(double rate);
    BoxMeter& meter() { return meter_; }

  private:
    void body();

    Backend& backend_;
    Optimizer& optimizer_;
    Parts parts_;
    BoxMeter meter_;
    Tensor images_, boxes_;
    std::function<void()> captured_;
};

}  // namespace objloc
