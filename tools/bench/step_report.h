// A measured step as a table for people or JSON for programs.
#pragma once

#include <string>

#include "tools/bench/step_measurement.h"

namespace objloc::bench {

std::string step_table(const StepOptions& options, const StepMeasurement& measured);
/// One object on one line.
std::string step_json(const StepOptions& options, const StepMeasurement& measured);

}  // namespace objloc::bench
