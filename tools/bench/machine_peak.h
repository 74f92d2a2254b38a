// What a machine could do at best: the floor that kernels are measured against.
#pragma once

#include <string>

#include "objloc/engine/backend.h"
#include "objloc/engine/precision.h"

namespace objloc::bench {

/// 0: not known.
struct MachinePeak {
    double flops_per_s = 0;    // a multiply-add counts as two
    double bytes_per_s = 0;    // of a streaming copy, read plus written
    std::string source = "";   // where the two numbers come from, for people
    std::string machine = "";  // its model and, of a GPU, the driver

    /// The shortest time in which so much can be computed and moved, whichever takes longer; 0: not known.
    double floor_seconds(double flops, double bytes) const;
};

/// Measures this processor, on so many threads: fused multiply-adds that wait for nothing, and a copy of
/// memory much larger than its caches with stores that bypass them. About half a second.
MachinePeak measure_cpu_peak(int threads);

/// What `backend` could do at best, measured: a CPU on `threads` threads, in fp32; a GPU by loops of products
/// in `precision`, with `hopper` by Hopper's own instructions as well, and by a large copy.
MachinePeak peak_of(Backend& backend, int threads, Precision precision = Precision::fp32,
                    bool hopper = false);

}  // namespace objloc::bench
