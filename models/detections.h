// From what the cells of the detection head say to the objects that were found.
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/kernels/localizer/detection.h"

namespace objloc {

/// An object that was found: a box in fractions of the image, its class, and how sure that is, 0 to 1.
struct Detection {
    float x, y, w, h;
    int64_t label;
    float confidence;
};

float iou(const Detection& a, const Detection& b);

/// The objects in one image's predictions (cells, classes + 4) with at least this confidence, the surest first. Of boxes
/// of one class that overlap by more than `most_overlap` (IoU) only the surest stays.
std::vector<Detection> detections(const DetectionProblem& problem, const float* predictions,
                                  float least_confidence, float most_overlap = 0.5f);

/// The surest of overlapping boxes of each class, sorted.
std::vector<Detection> without_overlaps(std::vector<Detection> found, float most_overlap);

}  // namespace objloc
