// What training minimises, by name.
#pragma once

#include <string>

#include "objloc/models/localizer.h"

namespace objloc {

/// bce: mean binary cross-entropy of each output against its fraction, the seed's loss; exact from logits
/// where the head has them. giou: 1 - GIoU of the boxes. bce+giou: their sum.
struct BoxLoss {
    bool bce = true, giou = false;
};

constexpr const char* kBoxLosses[] = {"bce", "giou", "bce+giou"};

/// One of kBoxLosses. Throws Error on another name.
BoxLoss parse_box_loss(const std::string& name);

/// Of a prediction and the true boxes (N, outputs) -> (1).
Variable box_loss(Tape& tape, const BoxLoss& loss, const BoxPrediction& prediction, const Variable& truth);

}  // namespace objloc
