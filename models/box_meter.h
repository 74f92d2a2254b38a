// How good predicted boxes are. The sums stay on the device until they are read.
#pragma once

#include <cstdint>

#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {

/// Averages over the boxes seen since the last reading; lengths in fractions of the image side.
struct BoxReport {
    int64_t steps = 0, finite_steps = 0, images = 0;
    double loss = 0, floor = 0;  // per step and per box; their difference is what can be learned
    double iou = 0, over_50 = 0, over_75 = 0;
    double centre_error = 0, size_error = 0;
    double variance = 0;  // of the predictions, averaged over outputs: near 0 means one constant box
};

/// Gathers BoxMetrics on the device.
class BoxMeter {
  public:
    /// Throws Error when the backend has no LocalizerKernels.
    explicit BoxMeter(Backend& backend);
    /// Adds a batch: boxes (N, 3 or 4) in fractions of the side, loss (1). Queued like any op.
    void add(const Tensor& predicted, const Tensor& truth, const Tensor& loss);
    /// Waits for the device, reads, and starts again from zero.
    BoxReport read();

  private:
    Backend& backend_;
    LocalizerKernels& kernels_;
    Tensor sums_;
    int outputs_ = 0;
};

}  // namespace objloc
