// What one run says of our convolutions beside the yardstick's: the figures that they are judged by.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/kernel_measurement.h"

namespace objloc::bench {

/// A layer-pass that reaches this share of the arithmetic peak counts as reaching it.
constexpr double kGoodShareOfPeak = 0.75;

/// Of one version, or of the fastest at each layer-pass, in one precision. Speeds are those relative to the
/// yardstick of the same precision.
struct ConvSummary {
    Precision precision = Precision::fp32;
    std::string version;      // a variant's name, or "best of ours"
    size_t layer_passes = 0;  // that the run has; a layer counts as the network has it, pooled or not
    size_t compared = 0;      // that are right, and beside a yardstick that is
    double mean_speedup = 0;  // geometric, over those; 0: none
    double worst_speedup = 0;
    std::string worst;            // "conv2d_backward_data 2_2 64x64x128->128"
    size_t arithmetic_bound = 0;  // timed, and such that the floor is operations over peak
    size_t near_peak = 0;         // of these
};

/// Of every precision and every version that is no yardstick, and the best of each precision that has
/// several. `peaks` are those of `variants`, which `results` point into.
std::vector<ConvSummary> summarize_convolutions(const std::vector<KernelResult>& results,
                                                const std::vector<KernelVariant>& variants,
                                                const std::vector<MachinePeak>& peaks);

/// A table with a headline, or nothing when there is nothing to say.
std::string conv_summary_text(const std::vector<ConvSummary>& summaries);

}  // namespace objloc::bench
