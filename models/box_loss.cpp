#include "models/box_loss.h"

#include "engine/error.h"
#include "engine/ops/ops.h"

namespace objloc {

BoxLoss parse_box_loss(const std::string& name) {
    if (name == "bce") return BoxLoss::bce;
    if (name == "giou") return BoxLoss::giou;
    if (name == "bce+giou") return BoxLoss::bce_giou;
    throw Error("loss '" + name + "'", "there is no such loss", "Known: bce, giou, bce+giou.");
}

Variable box_loss(Tape& tape, BoxLoss loss, const BoxPrediction& prediction, const Variable& truth) {
    const auto bce = [&] {
        return prediction.logits ? ops::sigmoid_bce(tape, prediction.logits, truth)
                                 : ops::bce(tape, prediction.boxes, truth);
    };
    if (loss == BoxLoss::bce) return bce();
    const Variable giou = ops::giou_loss(tape, prediction.boxes, truth);
    return loss == BoxLoss::giou ? giou : ops::add(tape, bce(), giou);
}

std::function<TrainingStep::Graph(Tape&, const Variable& images, const Variable& boxes)> training_graph(
    Localizer& localizer, BoxLoss loss) {
    return [&localizer, loss](Tape& tape, const Variable& images, const Variable& boxes) {
        const BoxPrediction prediction = localizer.predict(tape, images);
        return TrainingStep::Graph{prediction.boxes, box_loss(tape, loss, prediction, boxes)};
    };
}

}  // namespace objloc
