// The list of backends this build offers.
#pragma once

#include "objloc/engine/registry.h"

namespace objloc {

/// cuda, cudnn and cpu, best first. One that the build or the machine lacks is listed with reason and hint.
Registry builtin_backends();

/// Operations a second that the first GPU's units for products in `precision` reach when no memory keeps them
/// waiting, with `hopper` Hopper's own as well (kernels/cuda/peak/arithmetic_peak.h); 0 where this build has no
/// CUDA. Throws Error when CUDA fails.
double gpu_arithmetic(Precision precision, bool hopper);

}  // namespace objloc
