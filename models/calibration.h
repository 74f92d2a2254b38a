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

/// What a threshold decides about: the confidence of each picture's surest box, 0 where there is none.
struct ThresholdEvidence {
    std::vector<float> finds;   // of pictures with objects: the surest right box
    std::vector<float> alarms;  // of empty pictures: the surest box
};

/// Fits `scale` and `shift` by maximum likelihood with a weak prior for 1 and 0, so that few or one-sided verdicts give
/// no extremes. Source: Platt, "Probabilistic outputs for support vector machines", 1999.
/// The threshold, from 0.2 to 0.95, maximises the share of objects found minus four times the share of false alarms:
/// neither a model that shows nothing nor one that shows too much is of use. Without evidence it is 0.5.
Calibration calibrate(const std::vector<Verdict>& verdicts, const ThresholdEvidence& evidence);

}  // namespace objloc
