#include "objloc/engine/training_step.h"

#include <utility>

namespace objloc {

TrainingStep::TrainingStep(Backend& backend, Optimizer& optimizer, Functions functions)
    : backend_(backend), optimizer_(optimizer), functions_(std::move(functions)) {
}

void TrainingStep::run(double rate) {
    optimizer_.begin_step(rate);
    if (!captured_) captured_ = backend_.capture([this] { body(); });
    captured_();
}

void TrainingStep::body() {
    functions_.draw();
    Tape tape(backend_);
    const Variable loss = functions_.loss(tape);
    tape.backward(loss);
    optimizer_.update();
}

}  // namespace objloc
