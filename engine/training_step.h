// One training step, a callable with static shapes: draw a batch, forward, backward, update. A CPU runs it; on CUDA
// it is captured once and replayed.
#pragma once

#include <functional>

#include "objloc/engine/optimizer.h"
#include "objloc/engine/tape.h"

namespace objloc {

class TrainingStep {
  public:
    /// What the step runs, in this order. Both are called with the same shapes and addresses each time, and only
    /// queue work: a captured step replays their kernels without calling them again.
    struct Functions {
        std::function<void()> draw;  // fills the batch's tensors
        std::function<Variable(Tape& tape)>
            loss;  // forward pass over the batch, and its metrics; returns (1)
    };
    /// Backend and optimizer must outlive the step.
    TrainingStep(Backend& backend, Optimizer& optimizer, Functions functions);
    TrainingStep(const TrainingStep&) = delete;
    TrainingStep& operator=(const TrainingStep&) = delete;

    /// Runs one step at this learning rate. Throws Error when the loss depends on nothing that is trainable.
    void run(double rate);

  private:
    void body();

    Backend& backend_;
    Optimizer& optimizer_;
    Functions functions_;
    std::function<void()> captured_;
};

}  // namespace objloc
