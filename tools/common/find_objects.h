// What a localizer with the detect head finds in a picture of any size.
//
// It looks as a person does. A first look at the whole picture, fitted into the network's square input, finds where
// objects may be. A second look at each such place, in a square cut around it, says whether there is one and where
// exactly: there it has the size that the network sees best, whatever its size in the picture. Where the first look
// finds nothing sure and the picture has more pixels than it saw, closer looks at overlapping squares follow. Last, the
// likely boxes are measured: each side is the mean over looks of several scales, and over the same looks mirrored.
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/detections.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// Boxes in fractions of the picture's sides and clipped to it, the surest first, down to low confidences. A confidence
/// is the probability that the box is right, as the model was calibrated.
std::vector<Detection> find_objects(Backend& backend, Localizer& localizer, const Image& picture);

}  // namespace objloc
