// Boxes of a localizer whose head gives each picture one (find_objects.h is for the detect head).
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// Predicted boxes (N, outputs), in fractions of the sides, of images (N, side, side, 3) that lie on the
/// backend.
std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images);

/// The box (outputs), in fractions of its sides, of a picture of any size: it is squeezed to the network's
/// square input.
std::vector<float> predict_picture(Backend& backend, Localizer& localizer, const Image& picture);

}  // namespace objloc
