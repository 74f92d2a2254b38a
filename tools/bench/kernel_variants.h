// The implementations that kernel_bench sets side by side.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/registry.h"
#include "objloc/kernels/cases/op_case.h"

namespace objloc::bench {

struct KernelVariant {
    std::string device;    // the backend's name
    std::string name;      // "winograd"
    std::string adds;      // one line: what it is, and what it has that the one before has not
    std::string taught{};  // of a version that others build upon: what they learned from it
    std::string group;     // of the variants that are compared: "cpu", "gpu"
    std::function<bool(const OpCase&)> applies;
    std::function<std::unique_ptr<Backend>()> make;
    bool yardstick = false;  // those of its group and precision are compared with it
    double error_scale = 1;  // how much larger its rounding errors may be
    Precision precision = Precision::fp32;
    const Conv2dVersion* version = nullptr;  // where tuning times one version of the convolution
};

/// A backend that cannot be had here, and what to do about it.
struct MissingDevice {
    std::string device, reason, hint;
};

struct VariantList {
    std::vector<KernelVariant> variants, absent;  // those that work here, and those of devices that do not
    std::vector<MissingDevice> missing;
};

/// The variants of the named backends, or of every one that works here when none is named. `threads` are the
/// CPU's, 0 for all cores. Throws Error when a named one does not work here.
/// `hopper` adds the convolutions for Hopper's tensor cores, which no GPU has proven yet.
VariantList kernel_variants(const std::vector<std::string>& devices, int threads, bool hopper = false);

}  // namespace objloc::bench
