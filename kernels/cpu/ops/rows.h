// Ops that treat each row of a tensor (rows, C) alone, as softmax does.
#pragma once

#include <algorithm>

#include "objloc/engine/tensor.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc::cpu {

/// Calls `run(C, row)` for each row along x's last axis; a row is one thread's.
template <typename Run>
void each_row(int threads, const Tensor& x, const Run& run) {
    if (x.count() == 0) return;
    const int64_t C = x.shape()[x.shape().rank() - 1];
    const int64_t grain = std::max<int64_t>(1, kElementGrain / 8 / C);  // exp costs more than a load
    parallel_for(threads, x.count() / C, grain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) run(C, row);
    });
}

}  // namespace objloc::cpu
