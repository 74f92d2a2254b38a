// What the convolution kernels share: sizes in 32 bits, the order of pixels, and reads of a (pooled)
// gradient.
#pragma once

#include <algorithm>

#include "objloc/engine/problem.h"
#include "objloc/engine/tensor.h"
#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/tiled_gemm.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// A Conv2dProblem as the kernels take it. `pixels` counts the rows of the forward product: every output
/// pixel; with pooling only those that lie in a window.
struct ConvSizes {
    int N, H, W, C, K, R, S, P, Q;
    int stride_h, stride_w, pad_top, pad_left;
    int out_rows, out_columns, pixels, taps;  // taps: R * S * C
    bool relu, pool;

    explicit ConvSizes(const Conv2dProblem& problem)
        : N(to_int32(problem.N, "images")),
          H(to_int32(problem.H, "rows")),
          W(to_int32(problem.W, "columns")),
          C(to_int32(problem.C, "channels")),
          K(to_int32(problem.K, "filters")),
          R(to_int32(problem.R, "kernel rows")),
          S(to_int32(problem.S, "kernel columns")),
          P(to_int32(problem.P(), "output rows")),
          Q(to_int32(problem.Q(), "output columns")),
          stride_h(to_int32(problem.stride_h, "rows of stride")),
          stride_w(to_int32(problem.stride_w, "columns of stride")),
          pad_top(to_int32(problem.pad_top, "rows of padding")),
          pad_left(to_int32(problem.pad_left, "columns of padding")),
          out_rows(to_int32(problem.out_rows(), "output rows")),
          out_columns(to_int32(problem.out_columns(), "output columns")),
          pixels(to_int32(problem.N * problem.out_rows() * problem.out_columns() * (problem.pool ? 4 : 1),
                          "output pixels")),
          taps(to_int32(problem.R * problem.S * problem.C, "values under a kernel")),
          relu(problem.relu),
          pool(problem.pool) {
        to_int32(problem.N * problem.H * problem.W, "input pixels");
        to_int32(problem.R * problem.S * problem.K, "values under a flipped kernel");
    }
};

/// A convolution's output pixel: image, row, column.
struct OutputPixel {
    int n, p, q;
};

/// Pixel number `m` of the product: row-major; with pooling the four pixels of a window follow one another
/// (2 * row + column), so that one thread holds all four.
__device__ inline OutputPixel output_pixel(const ConvSizes& sizes, int m) {
    const int group = sizes.pool ? m / 4 : m;
    const int line = group / sizes.out_columns;
    const int column = group - line * sizes.out_columns;
    const int n = line / sizes.out_rows;
    const int row = line - n * sizes.out_rows;
    if (!sizes.pool) return {n, row, column};
    return {n, 2 * row + m / 2 % 2, 2 * column + m % 2};
}

/// Where along (r, s, channel) a panel stands; moves without divisions.
struct Tap {
    int r, s, channel;

    __device__ void advance(int step, int S, int channels) {
        channel += step;
        while (channel >= channels) {
            channel -= channels;
            if (++s == S) {
                s = 0;
                ++r;
            }
        }
    }
};

__device__ inline Tap tap_at(int depth, int S, int channels) {
    const int rs = depth / channels;
    return {rs / S, rs % S, depth - rs * channels};
}

/// Reads the gradient before the activation. A pooled gradient goes to the one pixel of its window that the
/// code names, and is 0 elsewhere.
template <typename T>
struct GradientReader {
    const T* dy;           // (N, out_rows, out_columns, K)
    const uint8_t* codes;  // the same, or null
    bool vector;           // K allows four at once

    /// Four channels of the value at `offset` for position 0..3 of its window; those from `count` on are 0.
    __device__ Float4 at(int64_t offset, int position, int count) const {
        Float4 value = load4(dy + offset, count, vector);
        if (codes == nullptr) return value;
        if (vector) {
            if (count <= 0) return value;
            const Byte4 code = *reinterpret_cast<const Byte4*>(codes + offset);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                if (code.lane[j] != position) value.lane[j] = 0;
            }
        } else {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                if (j < count && codes[offset + j] != position) value.lane[j] = 0;
            }
        }
        return value;
    }
};

template <typename T>
GradientReader<T> gradient_reader(const Conv2dProblem& problem, const Tensor& dy, const Tensor& codes) {
    const T* values = dy.data<T>();
    const uint8_t* bytes = problem.pool ? codes.data<uint8_t>() : nullptr;
    return {values, bytes, moves_by_four(values, problem.K) && moves_by_four(bytes, problem.K)};
}

/// How the pixels of a weight gradient are split: `count` parts of `pixels` each, the last one shorter. It
/// follows from the problem alone, never from the GPU, so that the same sums come out everywhere.
struct PixelSplit {
    int pixels;
    int64_t count;
};

/// A part is a whole number of slices of `depth` pixels.
inline PixelSplit split_pixels(const ConvSizes& sizes, int depth) {
    // Tiles of 128 x 128 for a large GPU, but at least 256 pixels each, else adding the partials outweighs the
    // products. Columns count as halves of a tile, whichever tile is taken, so that it does not matter to the
    // sums.
    constexpr int64_t kTiles = 264, kLeastPixels = 256;
    const int pixels = sizes.pixels;
    const int64_t halves = ceil_div(sizes.taps, 128) * ceil_div(sizes.K, 64);
    const int64_t wanted = std::clamp<int64_t>(2 * kTiles / halves, 1, ceil_div(pixels, kLeastPixels));
    const int64_t part = ceil_div(ceil_div(pixels, wanted), depth) * depth;
    return {static_cast<int>(part), ceil_div(pixels, part)};
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
