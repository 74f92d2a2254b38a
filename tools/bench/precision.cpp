#include "tools/bench/precision.h"

#include "engine/error.h"

namespace objloc::bench {

void require_precision(const std::string& device, const std::string& precision) {
    if (precision == "fp32") return;
    throw Error("--precision " + precision, "the " + device + " backend has no such precision",
                "It computes in: fp32.");
}

}  // namespace objloc::bench
