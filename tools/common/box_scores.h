// How well predicted boxes fit the true ones, box by box on the host, and summed up. The same measures as the
// backends' box_metrics, which knows only sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace objloc {

/// The top-left corner and the sides, in one unit for all boxes compared: pixels, or fractions of the image.
struct Box {
    double x = 0, y = 0, width = 0, height = 0;
};

/// Boxes (N, outputs) as a model has them: (x, y, size) for `outputs` 3, (x, y, width, height) for 4.
std::vector<Box> rectangles(const std::vector<float>& boxes, int outputs);

/// The box in fractions of an image's sides, in pixels.
Box scaled(const Box& box, double width, double height);

/// Intersection over union, 0 .. 1.
double iou(const Box& a, const Box& b);

struct BoxScore {
    double iou = 0;
    double centre_error = 0;  // distance between the centres, in the boxes' unit
    double size_error = 0;    // (|width - true width| + |height - true height|) / 2
};
BoxScore score(const Box& predicted, const Box& truth);

/// Means over boxes, and the shares of them whose IoU reaches 0.5, 0.75 and 0.9. All 0 for no boxes.
struct ScoreSummary {
    int64_t count = 0;
    double iou = 0, over_50 = 0, over_75 = 0, over_90 = 0;
    double centre_error = 0, size_error = 0;

    /// Lines for people, of boxes in pixels.
    std::string text() const;
};
ScoreSummary summarize(const std::vector<BoxScore>& scores);

/// The largest mean IoU that one constant box reaches over `truth`, found by coordinate search from the median box and
/// from the best true boxes. In fractions of the images: that is what a collapsed model predicts.
double best_constant_iou(const std::vector<Box>& truth);

}  // namespace objloc
