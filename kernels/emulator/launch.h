// A kernel's launch on the CPU: its blocks are spread over the cores.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "objloc/kernels/emulator/cuda_types.h"
#include "objloc/kernels/emulator/emulator.h"

namespace objloc::host {

/// A kernel and its arguments. The object's own bytes hold the arguments, which every thread may read.
class Kernel {
  public:
    Kernel(const void* function, size_t bytes) : function_(function), bytes_(bytes) {}
    virtual ~Kernel() = default;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    /// Runs one CUDA thread.
    virtual void run() const = 0;
    std::string name() const;
    size_t bytes() const { return bytes_; }

  private:
    const void* function_;
    size_t bytes_;
};

/// One launch while it runs. The first fault stops it.
class Launch {
  public:
    const Kernel& kernel;
    const cuda_host::dim3 grid, threads;
    const unsigned cluster;  // blocks, side by side along x
    const size_t shared_bytes;
    const HostRuntimeOptions options;
    const uint64_t first_run;  // access.h

    Launch(const Kernel& kernel_, cuda_host::dim3 grid_, cuda_host::dim3 threads_, unsigned cluster_,
           size_t shared_bytes_, const HostRuntimeOptions& options_, uint64_t first_run_)
        : kernel(kernel_),
          grid(grid_),
          threads(threads_),
          cluster(cluster_),
          shared_bytes(shared_bytes_),
          options(options_),
          first_run(first_run_) {}

    /// `who`: block and thread, `failure`: what happened, `caller`: the instruction at fault, if known.
    void stop(const std::string& who, const std::string& failure, const void* caller = nullptr);
    bool stopped() const { return stopped_; }
    /// Throws the fault, if there was one.
    void throw_fault() const;

  private:
    std::atomic<bool> stopped_ = false;
    std::mutex mutex_;
    std::string who_, failure_;
    const void* caller_ = nullptr;
};

/// Runs a kernel to its end, in clusters of so many blocks. Throws Error when the configuration is one that
/// no GPU takes, or at the first fault.
void run_kernel(const Kernel& kernel, cuda_host::dim3 grid, cuda_host::dim3 threads, unsigned cluster,
                size_t shared_bytes, const HostRuntimeOptions& options);

}  // namespace objloc::host
