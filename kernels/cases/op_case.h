// One op on one shape, as data: what goes in, what comes out, how a backend runs it, how the double-precision
// reference defines it, how far a result may lie from that and why, how its gradient follows, and what the op costs.
// tests/check_op.h checks a case, tests/check_gradient.h its gradient, and tools/bench times it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/conv2d_version.h"
#include "objloc/kernels/cases/inputs.h"

namespace objloc {

/// The largest errors that are let pass, and why they may be so large.
struct Tolerance {
    double max_abs = 0;  // largest |error|, in units of the largest |reference|
    double max_rel = 0;  // largest |error| / (own |reference| + the reference's root mean square)
    double nmse = 0;     // sum of error^2 / sum of reference^2
    std::string reason{};
};

/// Of an op whose result is rounded a few times.
Tolerance rounded(int roundings, const std::string& reason);
/// Of a sum of `terms` products in f32.
Tolerance summed(int64_t terms);

struct Output {
    std::string name;
    Shape shape;
    DType type = DType::f32;
    int updates = -1;  // the input whose values it holds before the op, for those that are read and written
};

/// The backend's gradients of the inputs under the cotangent dy, in the inputs' order; an empty tensor where an input (a
/// target, say) has none.
using BackwardOp =
    std::function<std::vector<Tensor>(Backend&, const std::vector<Tensor>& in, const Tensor& dy)>;

/// How to check that the backward ops belong to the forward: beside central differences of the reference.
struct Gradient {
    BackwardOp backward = nullptr;  // null: the case's gradient is not checked
    size_t output = 0;              // the one that dy belongs to
    /// How far the inputs are from the nearest kink: redrawn until no step can cross it.
    std::function<double(const Arrays& in)> kink_distance = nullptr;
    double tolerance = 2e-5;  // largest error, in units of the largest difference quotient
    std::string reason = "f32 rounding of the analytic gradient; the differences themselves are good to 1e-8";
};

using RunOp = std::function<void(Backend&, const std::vector<Tensor>& in, const std::vector<Tensor>& out)>;

struct OpCase {
    std::string op;       // the function of Backend
    std::string shape{};  // for people, with what else distinguishes the case
    std::vector<Input> inputs{};
    std::vector<Output> outputs{};
    RunOp run = nullptr;
    /// Sets all elements of all outputs, which hold what the op finds there ...
    std::function<void(const Arrays& in, Arrays& out)> reference = nullptr;
    /// ... or gives one element of one output.
    std::function<double(const Arrays& in, size_t output, int64_t element)> reference_at = nullptr;
    /// Of an output of codes that tell which of several values was chosen: how far the value that `choice` stands for
    /// lies from the best one. Rounding may choose another one, never a worse one.
    std::function<double(const Arrays& in, int64_t element, double choice)> regret = nullptr;
    Tolerance tolerance{};
    Gradient gradient{};
    bool exact = true;               // small whole numbers give exact results
    bool unaligned = false;          // gives the same where tensors begin one element off
    bool tiny = false;               // cheap enough for an emulated backend
    bool bf16 = false;               // works on activations: those may be bf16 where a backend stores them so
    std::vector<size_t> in_place{};  // inputs that output 0 may lie over
    bool sampled = false;            // by reference_at: only all corners and a random thousand are checked
    uint64_t seed = 1;               // of the inputs
    double flops = 0;                // of products: multiply-adds times two
    size_t read_in_full = SIZE_MAX;  // so many inputs are; of further ones too little to count
    Conv2dProblem problem{};         // of convolutions
    std::string layer{};             // "2_2" of VGG16, or empty

    std::string name() const { return op + " " + shape; }
    /// "2_2 64x64x128->128".
    std::string label() const { return layer.empty() ? shape : layer + " " + shape; }
    /// Of convolutions, but for the bias's gradient, which is a sum.
    std::optional<ConvPass> pass() const;
    /// Of all that is read and all that is written: the least that must move.
    double bytes() const;
};

/// The case with its activations in bf16. Biases and what belongs to parameters stay f32.
OpCase in_bf16(OpCase op);

/// The inputs as `fill` draws them, or as `whole` does.
Arrays draw_inputs(const OpCase& op, bool whole = false);

/// What outputs should be, at the elements that are checked.
struct Expectation {
    std::vector<std::vector<int64_t>> elements;  // of each output
    Arrays values;
};
Expectation expect(const OpCase& op, const Arrays& in);

}  // namespace objloc
