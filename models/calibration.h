// From a network's confidences to probabilities, and the confidence from which a box is worth showing.
#pragma once

#include <vector>

namespace objloc {

struct Calibration {
    /// The probability that a box is right: sigmoid(scale * logit(confidence) + shift). 1 and 0: as the network says.
    double scale = 1, shift = 0;
    /// Of that probability: boxes below it are not shown.
    double threshold = 0.5;

    float probability(float confidence) const;
};

/// A box that was found, and whether there was such an object.
struct Verdict {
    float confidence;
    bool right;
};

/// Fits `scale` and `shift` by maximum likelihood with a weak prior for 1 and 0, so that few or one-sided verdicts give
/// no extremes. The threshold is the lowest, from 0.5 on, that at most `most_alarms` of the empty pictures exceed;
/// `alarms` holds the surest box's confidence of each, 0 where there is none. Source: Platt, "Probabilistic outputs for
/// support vector machines", 1999.
Calibration calibrate(const std::vector<Verdict>& verdicts, const std::vector<float>& alarms,
                      double most_alarms);

}  // namespace objloc
