// What `box_metrics` adds up over a log interval.
#pragma once

namespace objloc {

/// Entries of the sums; f32 (kCount), all zero at the start.
struct BoxMetrics {
    enum : int {
        kSteps,        // calls
        kFiniteSteps,  // calls before the first loss that is not finite
        kImages,       // boxes
        kLoss,         // sum over calls of the loss given
        kFloor,        // sum over boxes of the targets' mean entropy: the least cross-entropy there is
        kIoU,          // sum over boxes
        kIoUOver50,    // boxes with IoU >= 0.5
        kIoUOver75,
        kCentreError,  // sum over boxes of the distance between centres, in fractions of the side
        kSizeError,    // sum over boxes of |width - true width| + |height - true height|, halved
        kPredicted,    // 4 sums of the predicted outputs (square boxes leave the fourth 0)
        kPredictedSquared = kPredicted + 4,  // 4 sums of their squares: variance shows collapse
        kCount = kPredictedSquared + 4
    };
};

}  // namespace objloc
