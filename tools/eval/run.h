// The whole of objloc_eval.
#pragma once

#include "tools/eval/options.h"

namespace objloc {

/// Evaluates as asked, prints the report and fills the folder of --out. Throws Error.
void evaluate_model(const EvalOptions& options);

}  // namespace objloc
