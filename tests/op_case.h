// The op tests' harness. A case is data: what goes in, what comes out, how to run it on a backend, how the
// reference defines it. `check` runs it on every backend:
//   random    f32 (or bf16) inputs against the double reference, gated on three measures at once, so that
//   neither one wrong
//             border pixel nor a small error everywhere passes;
//   exact     small whole numbers, whose sums f32 holds exactly, and so do tf32 and bf16 hold the numbers:
//   every bit
//             must match, also where no tensor is aligned, if the case says so;
//   and in each: outputs start as NaN and must be written, inputs and the memory around all tensors must stay
//   as they were, other thread counts must give the same bits, and so must outputs laid over an input where
//   allowed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/reference/op_case_inputs.h"

namespace objloc {

/// The largest errors that the random mode lets pass, and why they may be so large.
struct Tolerance {
    double max_abs;  // largest |error|, in units of the largest |reference|
    double max_rel;  // largest |error| / (own |reference| + the reference's root mean square)
    double nmse;     // sum of error^2 / sum of reference^2
    std::string reason;
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

struct OpCase {
    std::string name;  // "<op of backend.h> <shapes and flags>"
    std::vector<Input> inputs;
    std::vector<Output> outputs;
    std::function<void(Backend&, const std::vector<Tensor>& in, const std::vector<Tensor>& out)> run;
    /// Sets all elements of all outputs, which hold what the op finds there.
    std::function<void(const Arrays& in, Arrays& out)> reference;
    /// Instead of `reference` for cases too large for it: one element of one output. A few hundred are
    /// checked, always the corners.
    std::function<double(const Arrays& in, size_t output, int64_t element)> reference_at = nullptr;
    /// Of an output of whole numbers that tell which of several values was chosen: how far the value that
    /// `choice` stands for lies from the best one. Rounding may choose another in the random mode, never a
    /// worse one.
    std::function<double(const Arrays& in, int64_t element, double choice)> regret = nullptr;
    Tolerance tolerance;
    bool exact = true;               // the exact mode applies
    bool unaligned = false;          // gives the same where tensors begin one element off
    bool tiny = false;               // cheap enough for an emulated backend
    bool bf16 = false;               // works on activations: those may be bf16 where a backend stores them so
    std::vector<size_t> in_place{};  // inputs that output 0 may lie over
    uint64_t seed = 1;
};

/// Runs the case on every backend, in every mode that applies.
void check(const OpCase& op);

/// The inputs of the random mode (or of the exact one).
Arrays draw_inputs(const std::vector<Input>& inputs, uint64_t seed, bool whole);

}  // namespace objloc
