#include "objloc/models/detector_step.h"

#include <utility>

#include "objloc/models/ops/ops.h"

namespace objloc {

DetectorStep::DetectorStep(Backend& backend, Optimizer& optimizer, Localizer& localizer, Draw draw,
                           int64_t batch)
    : backend_(backend),
      localizer_(localizer),
      images_(backend.allocate({batch, localizer.config().side, localizer.config().side, 3})),
      truth_(backend.allocate({batch, kMaxObjects, kTruthFields})),
      sum_(backend.allocate({1})),
      step_(backend, optimizer,
            {.draw = [this, draw = std::move(draw)] { draw(images_, truth_); },
             .loss = [this](Tape& tape) { return loss(tape); }}) {
    backend.fill(sum_, 0);
}

void DetectorStep::run(double rate) {
    step_.run(rate);
    ++steps_;
}

Variable DetectorStep::loss(Tape& tape) {
    const Variable cells = localizer_.predict(tape, tape.constant(images_)).cells;
    const Variable loss =
        ops::detection_loss(tape, localizer_.detection_problem(images_.shape()[0]), cells, truth_);
    backend_.add(sum_, loss.value(), sum_);
    return loss;
}

double DetectorStep::read_loss() {
    float sum = 0;
    backend_.download(sum_, &sum);
    backend_.fill(sum_, 0);
    return static_cast<double>(sum) / static_cast<double>(std::exchange(steps_, 0));
}

}  // namespace objloc
