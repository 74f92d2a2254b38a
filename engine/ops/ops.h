// The primitive ops on the tape. Each checks its shapes, runs forward on the tape's backend, and records its
// backward; both stand side by side in the .cpp named after the op.
#pragma once

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

/// Any shape; the gradient at 0 is 0, as in TensorFlow.
Variable relu(Tape& tape, const Variable& x);
Variable sigmoid(Tape& tape, const Variable& x);

/// (N, ...) -> (N, everything else). No data moves.
Variable flatten(Tape& tape, const Variable& x);

/// (N, any axes, F) each, the same N and F -> (N, all their rows of F, F). keras.layers.Concatenate(axis=1)
/// of parts reshaped to (N, rows, F).
Variable concatenate(Tape& tape, const std::vector<Variable>& parts);

/// Equal shapes.
Variable add(Tape& tape, const Variable& a, const Variable& b);
Variable mul(Tape& tape, const Variable& a, const Variable& b);

/// Any shape -> (1).
Variable mean(Tape& tape, const Variable& x);

/// Probabilities and targets (N,O) -> (1), clipped and averaged as keras.losses.binary_crossentropy. Targets
/// get no gradient.
Variable bce(Tape& tape, const Variable& probabilities, const Variable& targets);
/// The same from logits, exact at any size: tf.nn.sigmoid_cross_entropy_with_logits, averaged.
Variable sigmoid_bce(Tape& tape, const Variable& logits, const Variable& targets);

}  // namespace objloc::ops
