// Checks a kernel, then times it on cold caches.
#pragma once

#include <functional>
#include <string>

#include "tools/bench/kernel_variants.h"
#include "tools/bench/machine_peak.h"

namespace objloc::bench {

/// The reference's verdict.
struct Correctness {
    double error = 0;  // of all outputs but codes, the worst: root mean square, relative to the reference's
    bool passed = true;
};

/// Runs the op once, between guards, and judges it as the op tests do. `error_scale` widens what rounding of f32 sums
/// explains; `rounding` is the relative error of a factor or a result that is rounded to less than f32.
Correctness check(const OpCase& op, Backend& backend, const Arrays& in, const Expectation& expected,
                  double error_scale, double rounding);

struct KernelResult {
    const OpCase* op = nullptr;
    const KernelVariant* variant = nullptr;
    Correctness correctness;
    std::string failure;        // why it could not be run, or ""
    double bytes = 0;           // as this variant stores them
    double seconds = 0;         // median; 0 when the result was wrong: what is wrong is not timed
    double share_of_floor = 0;  // 0: not known
    double speedup = 0;         // over the yardstick of its group and precision; 0: there is none

    double flops_per_s() const { return seconds > 0 ? op->flops / seconds : 0; }
    double bytes_per_s() const { return seconds > 0 ? bytes / seconds : 0; }
};

/// The median time of one run over `repeats` repeats of at least 2 ms each. Runs go round over so many copies
/// of the tensors that none is still in a cache when its turn comes, and weights count as changed since the
/// last run, as in training: what a backend derives from them is made anew.
double time_kernel(const OpCase& op, Backend& backend, const Arrays& in, int repeats);
using TimeKernel = std::function<double(const OpCase&, Backend&, const Arrays& in, int repeats)>;

/// Runs one case on every variant that applies. `peak` of each variant's device, in the same order. What one
/// variant throws is its failure, and the others are measured nevertheless.
std::vector<KernelResult> measure_kernel(const OpCase& op, const std::vector<KernelVariant>& variants,
                                         const std::vector<MachinePeak>& peaks, int repeats,
                                         const TimeKernel& time = time_kernel);

}  // namespace objloc::bench
