#include "objloc/models/box_loss.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/models/ops/ops.h"

namespace objloc {

BoxLoss parse_box_loss(const std::string& name) {
    if (std::find(std::begin(kBoxLosses), std::end(kBoxLosses), name) == std::end(kBoxLosses)) {
        throw Error("loss '" + name + "'", "there is no such loss",
                    fmt::format("Known: {}.", fmt::join(kBoxLosses, ", ")));
    }
    return {name.find("bce") != std::string::npos, name.find("giou") != std::string::npos};
}

Variable box_loss(Tape& tape, const BoxLoss& loss, const BoxPrediction& prediction, const Variable& truth) {
    const auto bce = [&] {
        return prediction.logits ? ops::sigmoid_bce(tape, prediction.logits, truth)
                                 : ops::bce(tape, prediction.boxes, truth);
    };
    if (!loss.giou) return bce();
    const Variable giou = ops::giou_loss(tape, prediction.boxes, truth);
    return loss.bce ? ops::add(tape, bce(), giou) : giou;
}

}  // namespace objloc
