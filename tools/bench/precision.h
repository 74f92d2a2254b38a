// The one place that knows what a benchmark may compute in.
#pragma once

#include <string>

namespace objloc::bench {

/// Throws Error, naming what there is, when `device` cannot compute in `precision`.
void require_precision(const std::string& device, const std::string& precision);

}  // namespace objloc::bench
