// Gradients against finite differences: what a backend's backward ops give, beside central differences of the
// double reference's forward. It ties the backwards to the forward, which the op cases check one by one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "objloc/engine/tape.h"
#include "tests/op_case.h"

namespace objloc {

struct GradientCase {
    std::string name;
    std::vector<Input> inputs;
    Shape output;
    /// The reference's forward, in double.
    std::function<Array(const Arrays& in)> forward;
    /// The backend's gradients of the inputs under the cotangent dy, in the inputs' order; an empty tensor
    /// where an input (a target, say) has none.
    std::function<std::vector<Tensor>(Backend&, const std::vector<Tensor>& in, const Tensor& dy)> backward;
    /// How far the inputs are from the nearest kink: redrawn until it is `kKinkMargin`, which a step cannot
    /// cross.
    std::function<double(const Arrays& in)> kink_distance = nullptr;
    /// Largest error, in units of the largest difference quotient.
    double tolerance = 2e-5;
    std::string reason = "f32 rounding of the analytic gradient; the differences themselves are good to 1e-8";
    uint64_t seed = 1;
};

constexpr double kStep = 1e-4, kKinkMargin = 1e-3;

/// Checks every input's gradient on every backend, at up to 200 elements each.
void check(const GradientCase& gradient);

/// A GradientCase's `backward` of a function on the tape, with what it records: the gradients of sum(dy * op(inputs)).
std::function<std::vector<Tensor>(Backend&, const std::vector<Tensor>& in, const Tensor& dy)> on_tape(
    std::function<Variable(Tape&, const std::vector<Variable>& in)> op);

}  // namespace objloc
