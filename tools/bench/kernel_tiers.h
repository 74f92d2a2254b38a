// Which ops on which sizes kernel_bench runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/kernels/cases/op_cases.h"

namespace objloc::bench {

struct CaseSelection {
    std::string op = "all";        // a name, a prefix of names such as "conv2d", or "all"
    std::string tier = "vgg16";    // small: odd sizes, seconds; vgg16: every layer, for 128x128 pixels
    std::vector<int64_t> shape{};  // N,H,W,C,K[,R,S]: one convolution instead of a tier
    int64_t batch = 4;
};

/// In the order of backend_ops.inc. Throws Error for an op that there is not, a tier's shape that cannot be, or a shape for an op that is no
/// convolution.
std::vector<OpCase> select_cases(const CaseSelection& selection);

}  // namespace objloc::bench
