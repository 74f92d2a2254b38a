// How good detections are: what was found, missed and imagined in pictures whose objects are known.
#pragma once

#include <string>
#include <vector>

#include "objloc/models/calibration.h"
#include "objloc/models/detections.h"

namespace objloc {

/// One picture: its objects (confidence unused), those too hidden to count either way, and what was found, all in the
/// same unit of length.
struct DetectionExample {
    std::vector<Detection> truth, ignored, found;
};

struct DetectionScores {
    int64_t pictures = 0, objects = 0, empty_pictures = 0;
    double ap50 = 0, ap50_95 = 0;  // average precision at IoU 0.5, and its mean over 0.5, 0.55 .. 0.95
    double iou = 0;                // of pictures with one object: of the surest box, 0 where there is none
    double over_50 = 0;            // of the same pictures: the share where that is 0.5 or more
    double threshold = 0;          // of confidence, at which precision and recall balance best (F1)
    double precision = 0, recall = 0,
           false_alarms = 0;  // at that threshold; false alarms: share of empty pictures

    std::string text() const;
};

/// Of every box of every picture, the surest first, whether there was such an object at that IoU; boxes of ignored
/// objects have none.
std::vector<Verdict> verdicts_on(const std::vector<DetectionExample>& examples, float least_iou);

/// `found` must reach down to low confidences. As COCO's evaluation scores: the surest first, each object found once.
DetectionScores score_detections(const std::vector<DetectionExample>& examples);

}  // namespace objloc
