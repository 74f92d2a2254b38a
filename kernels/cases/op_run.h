// A case run on a backend between guards, and what its results are worth beside the reference's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "objloc/kernels/cases/op_case.h"

namespace objloc {

/// A line for each thing that was checked: what is wrong, or empty where nothing is.
using Findings = std::vector<std::string>;

struct OpRun {
    std::vector<std::vector<std::byte>> out;  // the bytes of each output
    Findings findings;                        // inputs and the memory around all tensors stayed as they were
};

/// Where a run's tensors lie.
struct Placement {
    int over = -1;      // the input that output 0 lies over
    int64_t shift = 0;  // so many elements after an aligned address
};

/// Runs the op once. Outputs start as NaN, or as the input that they update.
OpRun run_guarded(const OpCase& op, Backend& backend, const Arrays& in, const Placement& placement = {});

/// `base`, where rounding errors may be `scale` times as large and each factor of a product, or a result, is rounded
/// to within `rounding` of itself: of many such errors the largest is a few times the typical one.
Tolerance loosened(const Tolerance& base, double scale, double rounding);

/// An output's values, and what is wrong with them, or "".
struct Verdict {
    double error = 0;  // root mean square, relative to the reference's
    std::string fault;
};

/// Output `o` against the reference, gated on three measures at once, so that neither one wrong border pixel nor a
/// small error everywhere passes. NaN is never right.
Verdict judge(const OpCase& op, size_t o, const Arrays& in, const OpRun& run, const Expectation& expected,
              const Tolerance& allowed);
/// Against the reference rounded once to the output's type, bit for bit.
Verdict judge_exact(const OpCase& op, size_t o, const OpRun& run, const Expectation& expected);
/// Every element was written, those too that the reference does not reach.
Verdict judge_written(const OpCase& op, size_t o, const OpRun& run);

}  // namespace objloc
