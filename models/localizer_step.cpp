#include "objloc/models/localizer_step.h"

#include <utility>

namespace objloc {

LocalizerStep::LocalizerStep(Backend& backend, Optimizer& optimizer, Parts parts)
    : parts_(std::move(parts)),
      meter_(backend),
      images_(backend.allocate(parts_.images)),
      boxes_(backend.allocate(parts_.boxes)),
      step_(backend, optimizer,
            {.draw = [this] { parts_.draw(images_, boxes_); },
             .loss = [this](Tape& tape) { return loss(tape); }}) {
}

Variable LocalizerStep::loss(Tape& tape) {
    const Graph graph = parts_.forward(tape, tape.constant(images_), tape.constant(boxes_));
    meter_.add(graph.predicted.value(), boxes_, graph.loss.value());
    return graph.loss;
}

std::function<LocalizerStep::Graph(Tape&, const Variable& images, const Variable& boxes)> training_graph(
    Localizer& localizer, const BoxLoss& loss) {
    return [&localizer, loss](Tape& tape, const Variable& images, const Variable& boxes) {
        const BoxPrediction prediction = localizer.predict(tape, images);
        return LocalizerStep::Graph{prediction.boxes, box_loss(tape, loss, prediction, boxes)};
    };
}

}  // namespace objloc
