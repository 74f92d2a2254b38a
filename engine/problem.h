// The sizes of an op's inputs as plain structs: kernels take them by value, on every backend.
// Vocabulary: N H W C (batch, rows, columns, channels), K filters, R S kernel rows and columns,
// P Q output rows and columns.
#pragma once

#include <cstdint>

#include "objloc/engine/host_device.h"

namespace objloc {

/// y[n,p,q,k] = act(bias[k] + sum over r,s,c of x[n, p*stride_h + r - pad_top, q*stride_w + s - pad_left, c]
///                                              * w[r,s,c,k]), x zero outside the image.
/// As Keras's Conv2D (cross-correlation). `relu` makes act max(0, .), else it is the identity. `pool` then
/// takes the 2x2 maximum at stride 2 (a last odd row or column is dropped, as with Keras's 'valid').
struct Conv2dProblem {
    int64_t N = 0, H = 0, W = 0, C = 0, K = 0;
    int64_t R = 3, S = 3;
    int64_t stride_h = 1, stride_w = 1;
    int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
    bool relu = false, pool = false;

    /// Rows and columns that the convolution itself gives.
    OBJLOC_HOST_DEVICE int64_t P() const { return (H + pad_top + pad_bottom - R) / stride_h + 1; }
    OBJLOC_HOST_DEVICE int64_t Q() const { return (W + pad_left + pad_right - S) / stride_w + 1; }
    /// Rows and columns of y: halved when `pool`.
    OBJLOC_HOST_DEVICE int64_t out_rows() const { return pool ? P() / 2 : P(); }
    OBJLOC_HOST_DEVICE int64_t out_columns() const { return pool ? Q() / 2 : Q(); }
    /// Multiply-adds times two, of one pass.
    double flops() const {
        return 2.0 * static_cast<double>(N * P() * Q()) * static_cast<double>(K * R * S * C);
    }
};

/// What a pooled convolution remembers of each 2x2 window, one byte: 0..3 = 2 * row + column of the first
/// maximum in row-major order; 4 = ReLU clipped all four, so no gradient passes.
enum : uint8_t { kPoolClipped = 4 };

/// Of each window of R x S pixels one value per channel: y[n,p,q,c] from x[n, p*stride_h + r, q*stride_w + s, c].
/// Windows lie inside the image, as with Keras's padding='valid'. For the maximum, the first one in row-major order
/// wins a tie.
struct Pool2dProblem {
    int64_t N = 0, H = 0, W = 0, C = 0;
    int64_t R = 2, S = 2;
    int64_t stride_h = 2, stride_w = 2;

    OBJLOC_HOST_DEVICE int64_t P() const { return (H - R) / stride_h + 1; }
    OBJLOC_HOST_DEVICE int64_t Q() const { return (W - S) / stride_w + 1; }
};

/// y[n,o] = bias[o] + sum over i of x[n,i] * w[i,o], as Keras's Dense.
struct DenseProblem {
    int64_t N = 0, inputs = 0, outputs = 0;
};

/// Of each of `batch` matrices: y = op(a) op(b), where op transposes if asked. a is (M, K), or (K, M) if it is
/// transposed; b (K, N), or (N, K); y (M, N).
struct MatmulProblem {
    int64_t batch = 1, M = 0, N = 0, K = 0;
    bool transpose_a = false, transpose_b = false;
};

/// One part of the flat parameter buffer with its own rate and decay.
struct OptimizerSegment {
    int64_t begin = 0, end = 0;  // elements
    float rate_multiplier = 1;
    float weight_decay = 0;  // decoupled, as in AdamW: value -= rate * weight_decay * value
};

}  // namespace objloc
