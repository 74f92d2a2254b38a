// The cuDNN backend as the rest of the program sees it: a name in the list. No CUDA header is needed for
// this.
#pragma once

#include "objloc/engine/registry.h"

namespace objloc {

/// "cudnn": convolutions through cuDNN, dense layers through cuBLAS, the rest by the kernels of "cuda".
/// Missing where "cuda" is.
BackendEntry cudnn_backend_entry();

}  // namespace objloc
