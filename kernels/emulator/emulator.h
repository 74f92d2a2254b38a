// How tests steer the host runtime, which runs the CUDA kernels' own source on the CPU (README.md says how).
#pragma once

#include <cstdint>

namespace objloc {

/// A stream keeps the options that were set when it was made, so each backend can have its own.
struct HostRuntimeOptions {
    /// Look at every access to device and shared memory: bounds, values never written, races, copies in
    /// flight. Barriers and shuffles are always checked.
    bool checks = true;
    /// 0: blocks and threads run in order of their index. Any other seed: in an order drawn anew at each
    /// rendezvous, so that what depends on luck fails.
    uint64_t adversarial_seed = 0;
    /// CPU threads that share a launch's blocks; 0: as many cores as are worth while.
    int threads = 0;
};

HostRuntimeOptions host_runtime_options();

/// Sets the options of streams made in this scope, by this thread.
class HostRuntimeScope {
  public:
    explicit HostRuntimeScope(const HostRuntimeOptions& options);
    ~HostRuntimeScope();
    HostRuntimeScope(const HostRuntimeScope&) = delete;
    HostRuntimeScope& operator=(const HostRuntimeScope&) = delete;

  private:
    HostRuntimeOptions before_;
};

}  // namespace objloc
