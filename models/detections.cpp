#include "objloc/models/detections.h"

#include <algorithm>
#include <cmath>

namespace objloc {
namespace {

constexpr size_t kMostDetections = 256;  // of a picture, before overlaps are dropped: their cost is quadratic

}  // namespace

float iou(const Detection& a, const Detection& b) {
    return box_iou({a.x, a.y, a.w, a.h}, {b.x, b.y, b.w, b.h});
}

std::vector<Detection> without_overlaps(std::vector<Detection> found, float most_overlap) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
    std::vector<Detection> kept;
    for (const Detection& at : found) {
        const bool overlaps = std::any_of(kept.begin(), kept.end(), [&](const Detection& surer) {
            return surer.label == at.label && iou(surer, at) > most_overlap;
        });
        if (!overlaps) kept.push_back(at);
    }
    return kept;
}

std::vector<Detection> detections(const DetectionProblem& problem, const float* predictions,
                                  float least_confidence, float most_overlap) {
    std::vector<Detection> found;
    for (int64_t c = 0; c < problem.cells(); ++c) {
        const float* cell = predictions + c * problem.features();
        for (int64_t k = 0; k < problem.classes; ++k) {
            const float confidence = 1 / (1 + std::exp(-cell[k]));
            if (confidence < least_confidence) continue;
            const GiouBox box = cell_box(cell_place(problem, c), cell + problem.classes).box;
            found.push_back({box.x, box.y, box.w, box.h, k, confidence});
        }
    }
    if (found.size() > kMostDetections) {
        std::nth_element(found.begin(), found.begin() + kMostDetections, found.end(),
                         [](const Detection& a, const Detection& b) { return a.confidence > b.confidence; });
        found.resize(kMostDetections);
    }
    return without_overlaps(std::move(found), most_overlap);
}

}  // namespace objloc
