// Which backends there are, which of them work here, and why the others do not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/conv2d_version.h"
#include "objloc/engine/precision.h"

namespace objloc {

/// What the choice among CUDA kernels depends on.
struct CudaDevice {
    int sm = 0;           // compute capability times ten; 0: no CUDA device
    bool hopper = false;  // whether Hopper's own instructions run: its GPU, and a build with code for it
};

/// What a user may ask of a backend; each takes what concerns it.
struct BackendOptions {
    int threads = 0;                // CPU threads; 0: all cores
    std::string conv = kAutomatic;  // a version of its convolution, or a family, taken wherever it applies
    Precision precision = Precision::fp32;
    bool strict = false;  // throw Error rather than fall back on another implementation, as benchmarks want
};

/// A backend by name. `missing` is empty when it can be made here, else the reason; `hint` what to do about
/// it.
struct BackendEntry {
    std::string name;
    std::string missing, hint;
    std::function<std::unique_ptr<Backend>(const BackendOptions&)> make;
    CudaDevice device{};
    Conv2dVersions conv2d_versions{};
};

/// The backends a program offers, best first.
class Registry {
  public:
    explicit Registry(std::vector<BackendEntry> entries) : entries_(std::move(entries)) {}

    const std::vector<BackendEntry>& entries() const { return entries_; }
    /// Makes the named backend; "auto" makes the first that works here. Throws Error with reason and hint.
    std::unique_ptr<Backend> make(const std::string& name, const BackendOptions& options) const;

  private:
    std::vector<BackendEntry> entries_;
};

}  // namespace objloc
