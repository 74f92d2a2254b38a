// Convolutions on Hopper's tensor cores: plain functions on device memory, for whoever chooses among kernels.
// They run when asked for, or where the table of choices has measured that they pay (conv2d_choice.h).
#pragma once

#include <cstdint>
#include <string>

#include "objloc/engine/problem.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cuda/runtime/launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Why they cannot run on this GPU or in this build, or "" when they can.
std::string hopper_missing();

/// What a block makes at a time: so many output channels of so many patches of 128 pixels.
enum class HopperTiling { automatic, channels128_patches2, channels128_patches1, channels64_patches2 };

/// What forward and data gradient fetch once for several: nothing; patches of pixels, for three taps that lie
/// above each other, with kernels of three rows; and weights, too, for a cluster of two blocks, with tiles of
/// 128 channels (in bf16 those of 64 have consumers that take tiles in turn).
enum class HopperReuse { none, taps, taps_and_clusters };

struct HopperOptions {
    HopperTiling tiling = HopperTiling::automatic;
    int blocks = 0;  // 0: one for each multiprocessor; weight gradients: 132
    HopperReuse reuse = HopperReuse::none;
};

/// As Backend::conv2d_forward, in bf16: x (N,H,W,C), w (R,S,C,K), bias (K) f32 or null, y (N, out_rows,
/// out_columns, K), codes (y's shape) u8 when the problem pools, else null. All but bias aligned to 16 bytes.
/// Throws Error when the problem is none of theirs.
void conv2d_forward_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* x,
                           const __nv_bfloat16* w, const float* bias, __nv_bfloat16* y, uint8_t* codes,
                           const HopperOptions& options = {});

/// The same in tf32: all f32; the copy engine rounds x and w on their way in. `transposed`: device memory for as
/// many floats as w has.
void conv2d_forward_hopper(cudaStream_t stream, const Conv2dProblem& problem, const float* x, const float* w,
                           const float* bias, float* y, uint8_t* codes, float* transposed,
                           const HopperOptions& options = {});

/// w (R,S,C,K) as transposed (R,S,K,C).
void transpose_filters(cudaStream_t stream, const Conv2dProblem& problem, const float* w, float* transposed);

/// As Backend::conv2d_backward_data: dy (N,P,Q,K), spread by unpool where the problem pools; w
/// (R,S,C,K); relu_source (N,H,W,C) or null; dx (N,H,W,C). All bf16 and aligned to 16 bytes.
void conv2d_backward_data_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* dy,
                                 const __nv_bfloat16* w, const __nv_bfloat16* relu_source, __nv_bfloat16* dx,
                                 const HopperOptions& options = {});

/// The same in tf32.
void conv2d_backward_data_hopper(cudaStream_t stream, const Conv2dProblem& problem, const float* dy,
                                 const float* w, const float* relu_source, float* dx,
                                 const HopperOptions& options = {});

/// As Backend::conv2d_backward_weights: x (N,H,W,C), dy as above, both bf16; dw (R,S,C,K) f32. `partials`:
/// device memory of hopper_weight_gradient_bytes, for partial sums. All aligned to 16 bytes.
void conv2d_backward_weights_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* x,
                                    const __nv_bfloat16* dy, float* dw, float* partials,
                                    const HopperOptions& options = {});
size_t hopper_weight_gradient_bytes(const Conv2dProblem& problem, const HopperOptions& options = {});

/// The same in tf32: x f32, rounded on its way to the tensor cores; dy as transpose_gradient leaves it. `partials`:
/// hopper_weight_gradient_tf32_bytes.
void conv2d_backward_weights_hopper_tf32(cudaStream_t stream, const Conv2dProblem& problem, const float* x,
                                         const float* transposed, float* dw, float* partials,
                                         const HopperOptions& options = {});
size_t hopper_weight_gradient_tf32_bytes(const Conv2dProblem& problem, const HopperOptions& options = {});

/// dy (N, out_rows, out_columns, K), which codes spread where the problem pools, with its pixels innermost
/// and rounded to tf32. `transposed`: hopper_transposed_gradient_bytes, aligned to 16 bytes. transpose_gradient.cu says
/// how it lies there.
void transpose_gradient(cudaStream_t stream, const Conv2dProblem& problem, const float* dy,
                        const uint8_t* codes, float* transposed);
size_t hopper_transposed_gradient_bytes(const Conv2dProblem& problem);

/// The gradient of a pooling convolution's own output: `full` (N,P,Q,K) is `pooled` (N, out_rows,
/// out_columns, K) where the window's code names the pixel, else 0. The copy engine cannot spread it on the
/// way. Both gradients want it in bf16, in tf32 that of the data.
void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* pooled,
                   const uint8_t* codes, __nv_bfloat16* full);
void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const float* pooled,
                   const uint8_t* codes, float* full);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
