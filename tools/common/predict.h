// A trained localizer's boxes: of images on the backend, and of pictures from files.
#pragma once

#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/detections.h"
#include "objloc/models/localizer.h"

namespace objloc {

/// Predicted boxes (N, outputs), in fractions of the sides, of images (N, side, side, 3) that lie on the
/// backend.
std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images);

/// The box (outputs), in fractions of its sides, of a picture of any size: it is squeezed to the network's
/// square input.
std::vector<float> predict_picture(Backend& backend, Localizer& localizer, const Image& picture);

/// What a localizer with the detect head finds in a picture of any size, in fractions of its sides, the surest first,
/// down to low confidences. The whole picture is fitted into the network's square input, between bars.
std::vector<Detection> find_objects(Backend& backend, Localizer& localizer, const Image& picture);

}  // namespace objloc
