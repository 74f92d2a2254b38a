#include "objloc/kernels/localizer/localizer_kernels.h"

#include "objloc/engine/error.h"

namespace objloc {

LocalizerKernels& localizer_kernels(Backend& backend) {
    auto* const kernels = dynamic_cast<LocalizerKernels*>(&backend);
    if (kernels != nullptr) return *kernels;
    throw Error("backend '" + backend.name() + "'", "has no kernels for scenes and boxes",
                "Choose one of those that kernels/backends.h lists.");
}

}  // namespace objloc
