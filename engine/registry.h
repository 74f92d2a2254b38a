// Which backends there are, which of them work here, and why the others do not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/precision.h"

namespace objloc {

/// How a CPU convolves: direct sums, Winograd F(4x4, 3x3) where it applies, or whichever is faster.
enum class CpuConv { automatic, direct, winograd };

/// How much of a convolution a block of the CUDA backend makes on tensor cores, as rows by columns of the
/// product; or whichever suits the sizes. It changes the speed and not one bit of the results.
enum class ConvTile {
    automatic,
    wide,   // 128 x 128
    tall,   // 256 x 64
    small,  // 128 x 64
};

/// The CUDA backend's convolutions for Hopper's tensor cores (kernels/cuda/conv2d_hopper.cuh), where they
/// apply: each tap fetches its own pixels, or three share them, or besides two blocks share weights. Off
/// unless asked for: they have yet to be proven on a GPU.
enum class HopperConvs { off, tap_by_tap, shared_taps, clusters };

/// What a user may ask of a backend; each takes what concerns it.
struct BackendOptions {
    int threads = 0;  // CPU threads; 0: all cores
    CpuConv cpu_conv = CpuConv::automatic;
    Precision precision = Precision::fp32;
    ConvTile conv_tile = ConvTile::automatic;
    HopperConvs hopper = HopperConvs::off;
};

/// A backend by name. `missing` is empty when it can be made here, else the reason; `cure` what to do about
/// it.
struct BackendEntry {
    std::string name;
    std::string missing, cure;
    std::function<std::unique_ptr<Backend>(const BackendOptions&)> make;
};

/// The backends a program offers, best first.
class Registry {
  public:
    explicit Registry(std::vector<BackendEntry> entries) : entries_(std::move(entries)) {}

    const std::vector<BackendEntry>& entries() const { return entries_; }
    /// Makes the named backend; "auto" makes the first that works here. Throws Error with reason and cure.
    std::unique_ptr<Backend> make(const std::string& name, const BackendOptions& options) const;

  private:
    std::vector<BackendEntry> entries_;
};

}  // namespace objloc
