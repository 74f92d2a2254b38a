// Sums over all rows of a matrix: the gradient of a bias, or the parts of a sum that threads shared.
#pragma once

#include <cstdint>

namespace objloc::cpu {

/// sums[c] = sum over r of x[r,c]; x (rows, columns). With `codes` (same shape), elements whose code is
/// kPoolClipped are left out. The same bits for any number of threads.
void column_sums(int threads, int64_t rows, int64_t columns, const float* x, const uint8_t* codes,
                 float* sums);

}  // namespace objloc::cpu
