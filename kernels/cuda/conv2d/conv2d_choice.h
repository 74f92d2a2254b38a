// Which kernel runs which convolution on the CUDA backend. Plain functions of sizes and device: kernel_bench
// and tests ask them, too, where there is no GPU. The first of these that can do it:
//   1. the kernel that was asked for (BackendOptions::cuda_conv);
//   2. the kernel in the line of conv2d_table.inc that is nearest, if one is near: measured, or reasoned and
//      marked so. Kernels for Hopper run of their own accord from here alone, so only where they were
//      measured and right (`kernel_bench --tune`);
//   3. on tensor cores, the tile that the sizes suggest;
//   4. `tiled`, which does anything.
#pragma once

#include <span>

#include "objloc/engine/problem.h"
#include "objloc/engine/registry.h"

namespace objloc {

enum class ConvPass { forward, backward_data, backward_weights };

/// A line of the table: what runs on GPUs from `sm` on, for problems like this one.
struct ConvTableLine {
    int sm = 0;  // compute capability times ten
    Precision precision = Precision::fp32;
    int64_t pixels = 0, C = 0, K = 0, taps = 0;  // N*P*Q; channels; filters; R*S
    CudaConv forward = CudaConv::automatic;      // automatic: the table does not know
    CudaConv backward_data = CudaConv::automatic;
    CudaConv backward_weights = CudaConv::automatic;

    CudaConv kernel(ConvPass pass) const;
};

/// kernels/cuda/conv2d/conv2d_table.inc as it was when this was built.
std::span<const ConvTableLine> conv_table();

/// The nearest of the lines for a device: those of this precision, of the newest architecture that is not
/// newer than the device (Hopper's, 90, count on Hopper alone). Distance: the ratios of pixels, C, K and taps
/// as powers of two, added up without their signs. Null when even the nearest is a factor of two away, since
/// what it knows may then not be so here: half the batch can leave multiprocessors without a block.
const ConvTableLine* nearest_line(std::span<const ConvTableLine> table, int sm, const Conv2dProblem& problem,
                                  Precision arithmetic);

/// Whether the kernels for Hopper can do a problem: stride 1, channels and filters in multiples of 64.
bool hopper_conv2d_applies(const Conv2dProblem& problem);

/// Whether there is code for this pass of this problem. `arithmetic`: what products are taken in. Tensors
/// must be aligned to 16 bytes for any but `tiled`, which is the caller's to check.
bool cuda_conv_applies(CudaConv kernel, ConvPass pass, const Conv2dProblem& problem, Precision arithmetic);

/// Whether it is one of those that run on Hopper alone; the others are portable.
bool needs_hopper(CudaConv kernel);

/// The kernel to run, one of cuda_conv_kernels(). `asked`: the one to take wherever it applies; whether the
/// device can run that one, it says itself.
CudaConv choose_conv2d(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic, CudaConv asked,
                       const CudaDevice& device, std::span<const ConvTableLine> table = conv_table());

}  // namespace objloc
