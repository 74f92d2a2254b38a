// How cases and benchmarks write sizes, and how they count work.
#pragma once

#include <string>

#include "objloc/engine/problem.h"
#include "objloc/engine/shape.h"

namespace objloc {

/// "64x128x128x3".
std::string sizes_text(const Shape& shape);
/// "64x64x128->128": H x W x C -> K; then kernel and stride where they are not 3x3 and 1; then "pool".
std::string sizes_text(const Conv2dProblem& problem);
/// "8192->3".
std::string sizes_text(const DenseProblem& problem);
/// "8x64x32x64": batch x M x K x N.
std::string sizes_text(const MatmulProblem& problem);

/// Multiply-adds times two, of one pass.
inline double flops(const DenseProblem& problem) {
    return 2.0 * static_cast<double>(problem.N * problem.inputs * problem.outputs);
}
inline double flops(const MatmulProblem& problem) {
    return 2.0 * static_cast<double>(problem.batch * problem.M * problem.N * problem.K);
}

}  // namespace objloc
