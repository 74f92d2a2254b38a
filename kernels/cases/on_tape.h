// Gradients as the tape records them.
#pragma once

#include "objloc/engine/tape.h"
#include "objloc/kernels/cases/op_case.h"

namespace objloc {

using TapeOp = std::function<Variable(Tape&, const std::vector<Variable>& in)>;

/// A case's `gradient.backward` of a function on the tape: the gradients of sum(dy * op(inputs)), where dy takes the
/// shape of op's result. Throws Error where that holds another number of elements.
BackwardOp on_tape(const TapeOp& op);

}  // namespace objloc
