// `kernel_bench --tune`: which CUDA kernel is the fastest for which convolution, as lines of the table.
#pragma once

#include "tools/bench/conv_table.h"
#include "tools/bench/kernel_measurement.h"

namespace objloc::bench {

/// Every kernel that `entry`'s device runs, Hopper's if it is said to be one, in every precision, as variants
/// that apply where there is code.
std::vector<KernelVariant> tuning_variants(const BackendEntry& entry);

/// The lines for the convolutions among `results`, which are of tuning_variants: one for each precision and
/// shape, in the order of the results, with the fastest kernel of each pass. Only kernels whose results were
/// right in all layers of the shape take part. One of those for Hopper must be 2% faster than the fastest
/// portable one, else that one stays. A shape for which there is but one kernel needs no line.
std::vector<ConvTableEntry> fastest_kernels(int sm, const std::vector<KernelResult>& results);

/// The table anew, and the kernels that were left out because the reference disagrees with them, or "".
struct ConvTuning {
    ConvTable table;
    std::string wrong;
};

/// Checks and times every kernel of `entry`'s device on the convolutions among `cases`, naming each on
/// stderr. Of `before` the lines of other architectures stay; those of this one are replaced, all of them,
/// under the device's name and driver, the date and the commit. `keep` is given the table as it stands after
/// each case, the last time whole.
ConvTuning tune_convolutions(const BackendEntry& entry, const std::vector<OpCase>& cases,
                             const ConvTable& before, int repeats,
                             const std::function<void(const ConvTable&)>& keep,
                             const TimeKernel& time = time_kernel);

}  // namespace objloc::bench
