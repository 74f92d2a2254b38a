#include "objloc/kernels/cases/sizes_text.h"

#include <fmt/format.h>

namespace objloc {

std::string sizes_text(const Shape& shape) {
    std::string text;
    for (int axis = 0; axis < shape.rank(); ++axis) text += fmt::format("{}{}", axis ? "x" : "", shape[axis]);
    return text;
}

std::string sizes_text(const Conv2dProblem& g) {
    std::string text = fmt::format("{}x{}x{}->{}", g.H, g.W, g.C, g.K);
    if (g.R != 3 || g.S != 3) text += fmt::format(" kernel {}x{}", g.R, g.S);
    if (g.stride_h != 1 || g.stride_w != 1) text += fmt::format(" stride {},{}", g.stride_h, g.stride_w);
    return text + (g.pool ? " pool" : "");
}

std::string sizes_text(const DenseProblem& g) {
    return fmt::format("{}->{}", g.inputs, g.outputs);
}

std::string sizes_text(const MatmulProblem& g) {
    return fmt::format("{}x{}x{}x{}", g.batch, g.M, g.K, g.N);
}

}  // namespace objloc
