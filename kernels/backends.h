// The list of backends this build offers.
#pragma once

#include "engine/registry.h"

namespace objloc {

/// cuda, cudnn and cpu, best first. One that the build or the machine lacks is listed with reason and cure.
Registry builtin_backends();

}  // namespace objloc
