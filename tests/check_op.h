// The op tests' harness: `check` runs a case on every backend,
//   random    f32 (or bf16) inputs against the double reference, within the case's tolerance;
//   exact     small whole numbers, whose sums f32 holds exactly, and so do tf32 and bf16 hold the numbers: every bit
//             must match, also where no tensor is aligned, if the case says so;
//   and in each: outputs start as NaN and must be written, inputs and the memory around all tensors must stay as they
//   were, other thread counts must give the same bits, and so must outputs laid over an input where allowed.
// `check_gradient` sets the gradients that the backward ops give beside central differences of the reference. It ties
// the backwards to the forward, which `check` checks one by one.
#pragma once

#include "objloc/kernels/cases/op_case.h"

namespace objloc {

/// Runs the case on every backend, in every mode that applies.
void check(const OpCase& op);

/// Checks the gradient of every input on every backend, at up to 200 elements each.
void check_gradient(const OpCase& op);

}  // namespace objloc
