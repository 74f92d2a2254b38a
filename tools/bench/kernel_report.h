// Measured kernels as tables for people or JSON for programs; what there is to measure as a list.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/kernel_measurement.h"

namespace objloc::bench {

/// One table of results.
std::string kernel_table(const std::vector<KernelResult>& results);
/// Those that the reference disagrees with, in one line, or "".
std::string wrong_kernels(const std::vector<KernelResult>& results);
/// What the columns mean, below the tables.
std::string kernel_notes(const VariantList& list, const std::vector<MachinePeak>& peaks);
/// One object.
std::string kernel_json(const std::vector<KernelResult>& results, const VariantList& list,
                        const std::vector<MachinePeak>& peaks, int64_t batch, int threads);
/// Ops with their shapes, variants with what each adds, devices that are missing here.
std::string kernel_list(const std::vector<OpCase>& cases, const VariantList& list);

}  // namespace objloc::bench
