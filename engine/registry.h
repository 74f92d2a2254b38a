// Which backends there are, which of them work here, and why the others do not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/engine/precision.h"

namespace objloc {

/// How a CPU convolves: direct sums, Winograd F(4x4, 3x3) where it applies, or whichever is faster.
enum class CpuConv { automatic, direct, winograd };

/// The convolution kernels of the CUDA backend. `automatic`: whichever kernels/cuda/conv2d/conv2d_choice.h gives.
/// Another one is taken wherever it applies, and where it does not, the choice is automatic.
enum class CudaConv {
    automatic,
    tiled,               // products in fp32, of any sizes
    mma,                 // tensor cores by mma.sync; whichever of these three suits the sizes:
    mma_wide,            // a block makes 128 x 128 of the product,
    mma_tall,            // 256 x 64,
    mma_small,           // 128 x 64; speed is all that they differ in, they give the same bits
    first_layer,         // the same for at most 4 channels: images
    hopper,              // tensor cores by wgmma, on Hopper alone: each tap fetches its own pixels,
    hopper_shared_taps,  // or the three of a column share them,
    hopper_clusters,     // and besides two blocks share weights
};

const char* name_of(CudaConv kernel);
/// Those that run: all but `automatic` and `mma`, which stand for others.
const std::vector<CudaConv>& cuda_conv_kernels();
/// Throws Error for a name that there is not.
CudaConv parse_cuda_conv(const std::string& name);

/// What the choice among CUDA kernels depends on.
struct CudaDevice {
    int sm = 0;           // compute capability times ten; 0: no CUDA device
    bool hopper = false;  // whether Hopper's own instructions run: its GPU, and a build with code for it
};

/// What a user may ask of a backend; each takes what concerns it.
struct BackendOptions {
    int threads = 0;  // CPU threads; 0: all cores
    CpuConv cpu_conv = CpuConv::automatic;
    Precision precision = Precision::fp32;
    CudaConv cuda_conv = CudaConv::automatic;
    bool strict = false;  // Error rather than fall back on another implementation: for who measures
};

/// A backend by name. `missing` is empty when it can be made here, else the reason; `hint` what to do about
/// it.
struct BackendEntry {
    std::string name;
    std::string missing, hint;
    std::function<std::unique_ptr<Backend>(const BackendOptions&)> make;
    CudaDevice device{};
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
