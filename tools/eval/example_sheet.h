// Examples side by side, each with its true box in white and the predicted one in green.
#pragma once

#include <vector>

#include "tools/eval/examples.h"

namespace objloc {

/// The examples in the order given, four in a row, each made to fit the same square.
Image example_sheet(const std::vector<size_t>& indices, const ExampleSet& set);

}  // namespace objloc
