// Which version of the convolution runs where on the CUDA backend. Plain functions of sizes and device: kernel_bench
// and tests call them, too, where there is no GPU. The first of these that can do it:
//   1. the version that was asked for by name (BackendOptions::conv);
//   2. the version in the line of conv2d_table.inc that is nearest, if one is near: measured, or reasoned and
//      marked so. Kernels for Hopper run of their own accord from here alone, so only where they were
//      measured and right (`kernel_bench --tune`);
//   3. of the versions that apply, the one with the highest preference.
// Where a family was asked for, its versions come first in 2 and 3.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "objloc/engine/conv2d_version.h"
#include "objloc/engine/registry.h"

namespace objloc {

/// A line of the table: what runs on GPUs from `sm` on, for problems like this one.
struct ConvTableLine {
    int sm = 0;  // compute capability times ten
    Precision precision = Precision::fp32;
    int64_t pixels = 0, C = 0, K = 0, taps = 0;  // N*P*Q; channels; filters; R*S
    // Names of versions; kAutomatic where the table does not know.
    std::string forward = kAutomatic;
    std::string backward_data = kAutomatic;
    std::string backward_weights = kAutomatic;

    const std::string& version(ConvPass pass) const;
};

/// kernels/cuda/conv2d/conv2d_table.inc as it was when this was built.
std::span<const ConvTableLine> conv_table();

/// The names in conv2d_versions.inc, in their order.
const std::vector<std::string>& conv2d_version_names();

/// The nearest of the lines for a device: those of this precision, of the newest architecture that is not
/// newer than the device (Hopper's, 90, count on Hopper alone). Distance: the ratios of pixels, C, K and taps
/// as powers of two, added up without their signs. Null when even the nearest is a factor of two away, since
/// what it knows may then not be so here: half the batch can leave multiprocessors without a block.
const ConvTableLine* nearest_line(std::span<const ConvTableLine> table, int sm, const Conv2dProblem& problem,
                                  Precision arithmetic);

/// Whether the kernels for Hopper can do a problem: stride 1, channels and filters in multiples of 64.
bool hopper_conv2d_applies(const Conv2dProblem& problem);

/// The version to run, one of `versions`. `asked`: a version, a family or kAutomatic; a version that is asked for is
/// taken wherever it applies, and reports itself when the device cannot run it.
const Conv2dVersion& choose_conv2d(const Conv2dVersions& versions, ConvPass pass,
                                   const Conv2dProblem& problem, Precision arithmetic,
                                   const std::string& asked, const CudaDevice& device,
                                   std::span<const ConvTableLine> table = conv_table());

}  // namespace objloc
