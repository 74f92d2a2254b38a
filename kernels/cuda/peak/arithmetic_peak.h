// What a GPU computes at most: the rate that kernels bound by arithmetic are measured against. No CUDA header
// is needed for this.
#pragma once

#include "objloc/engine/precision.h"

namespace objloc::cuda {

/// Operations a second, a multiply-add counted as two, of the first GPU's units for products in `precision`,
/// by kernels that wait for no memory and multiply numbers of random digits, which cost more power than zeros
/// and so slow a GPU's clock as real ones do. `hopper`: by wgmma, too, where it runs. Takes about half a
/// second. Throws Error when CUDA fails.
double measure_arithmetic(Precision precision, bool hopper);

}  // namespace objloc::cuda
