// The primitive ops on the tape. Each checks its shapes, runs forward on the tape's backend, and records its
// backward; both stand side by side in the .cpp named after the op.
#pragma once

#include <vector>

#include "objloc/engine/tape.h"

namespace objloc::ops {

/// Zero padding around an image, in pixels.
struct Padding {
    int64_t top = 0, left = 0, bottom = 0, right = 0;
};

/// Keras's 'same' padding for one axis pair: output = ceil(input / stride), the odd pixel at the bottom and
/// right.
Padding same_padding(int64_t H, int64_t W, int64_t R, int64_t S, int64_t stride_h, int64_t stride_w);

struct Conv2dOptions {
    int64_t stride_h = 1, stride_w = 1;
    Padding padding;
    bool relu = false;  // fused into the output
    bool pool = false;  // 2x2 max-pool at stride 2, fused behind the ReLU
};

/// The same values in another type; its gradient is converted back. See engine/precision.h for where.
Variable convert(Tape& tape, const Variable& x, DType type);

/// x (N,H,W,C), w (R,S,C,K), bias (K) or empty -> (N,P,Q,K), or (N,P/2,Q/2,K) when pooled, of x's type; w and
/// bias are f32. keras.layers.Conv2D.
Variable conv2d(Tape& tape, const Variable& x, const Variable& w, const Variable& bias,
                const Conv2dOptions& options = {});

/// x (N,H,W,C) -> (N,P,Q,C); windows lie inside the image. keras.layers.MaxPooling2D(padding='valid').
Variable max_pool2d(Tape& tape, const Variable& x, int64_t R = 2, int64_t S = 2, int64_t stride_h = 2,
                    int64_t stride_w = 2);

/// x (N,H,W,C) -> (N,P,Q,C) by nearest neighbours; P is 2H or 2H - 1, Q is 2W or 2W - 1.
/// keras.layers.UpSampling2D where both are even.
Variable upsample2d(Tape& tape, const Variable& x, int64_t P, int64_t Q);

/// x (N,I), w (I,O), bias (O) or empty -> (N,O). keras.layers.Dense.
Variable dense(Tape& tape, const Variable& x, const Variable& w, const Variable& bias);

/// The same elements under another shape of equal count. No data moves. keras.ops.reshape.
Variable reshape(Tape& tape, const Variable& x, const Shape& shape);
/// (N, ...) -> (N, everything else). No data moves.
Variable flatten(Tape& tape, const Variable& x);

/// (N, any axes, F) each, the same N and F -> (N, all their rows of F, F). keras.layers.Concatenate(axis=1)
/// of parts reshaped to (N, rows, F).
Variable concatenate(Tape& tape, const std::vector<Variable>& parts);

// ---- Elementwise: each function of engine/elementwise_ops.inc; kernels/functions says what it computes -----------

/// Any shape; f32, or bf16 where the backend stores activations so.
#define OBJLOC_UNARY(name, reads, ...) \
    Variable name(Tape& tape, const Variable& x __VA_OPT__(, float __VA_ARGS__));
/// Shapes that broadcast as NumPy's do: aligned at their last axes, equal or 1 there. The gradient of an operand that
/// was stretched is summed over those axes. Throws Error when the shapes do not fit or the types differ.
#define OBJLOC_BINARY(name, for_a, for_b) Variable name(Tape& tape, const Variable& a, const Variable& b);
#include "objloc/engine/elementwise_ops.inc"

// ---- Reductions over a set of axes -------------------------------------------------------------------------------

/// Which axes: negative ones count from the last, and none at all means every axis. With `keep_dims` the result keeps
/// them with a length of 1. Without, it lacks them, but is (1) where every axis is reduced. An axis that x lacks, or
/// that is named twice, throws Error.
struct Axes {
    std::vector<int> axes = {};
    bool keep_dims = false;
};

/// keras.ops.sum.
Variable sum(Tape& tape, const Variable& x, const Axes& over = {});
/// keras.ops.mean.
Variable mean(Tape& tape, const Variable& x, const Axes& over = {});
/// keras.ops.max. Of several equal maxima the first one, in row-major order, gets the whole gradient, as in max_pool2d.
/// A NaN counts as the maximum.
Variable max(Tape& tape, const Variable& x, const Axes& over = {});

// ---- Matrix product, softmax -------------------------------------------------------------------------------------

struct MatmulOptions {
    bool transpose_a = false, transpose_b = false;  // of the last two axes
};

/// a (..., M, K) by b (..., K, N) -> (..., M, N), f32; with a transpose, a is (..., K, M) or b is (..., N, K). The
/// leading axes are the same in both; or b is one matrix for all of a's, where a is not transposed. numpy.matmul.
Variable matmul(Tape& tape, const Variable& a, const Variable& b, const MatmulOptions& options = {});

/// Over the last axis. keras.ops.softmax.
Variable softmax(Tape& tape, const Variable& x);
/// Logits (..., C) and labels (...), i32 in [0, C) -> the losses (...), one a row; `mean` of them is
/// keras.losses.SparseCategoricalCrossentropy(from_logits=True). Exact for logits of any size. Labels get no gradient;
/// one outside of [0, C) makes its loss NaN.
Variable softmax_cross_entropy(Tape& tape, const Variable& logits, const Variable& labels);

// ---- Losses ------------------------------------------------------------------------------------------------------

/// Probabilities and targets (N,O) -> (1), clipped and averaged as keras.losses.binary_crossentropy. Targets
/// get no gradient.
Variable bce(Tape& tape, const Variable& probabilities, const Variable& targets);
/// The same from logits, exact at any size: tf.nn.sigmoid_cross_entropy_with_logits, averaged.
Variable sigmoid_bce(Tape& tape, const Variable& logits, const Variable& targets);

}  // namespace objloc::ops
