// The CUDA backend as the rest of the program sees it: a name in the list. No CUDA header is needed for this.
#pragma once

#include "objloc/engine/registry.h"

namespace objloc {

/// "cuda": hand-written kernels on the first NVIDIA GPU (CUDA_VISIBLE_DEVICES chooses another). Missing, with
/// reason and hint, where there is no driver, no GPU, or none that this build has kernels for.
BackendEntry cuda_backend_entry();

/// "cuda-host", for tests: the same source, compiled by the C++ compiler and run on the CPU by kernels/emulator.
/// Nothing is cached, so that each tensor's lifetime is seen.
BackendEntry cuda_host_backend_entry();

}  // namespace objloc
