// Convolution, gradient of the input.
//     dx[n,h,w,c] = sum over r,s,k of dy[n, (h+pad-r)/stride, (w+pad-s)/stride, k] * w[r,s,c,k]
// where the divisions leave no rest; then 0 where relu_source[n,h,w,c] <= 0, if there is one.
//
// dy (N, out_rows, out_columns, K), pooled if there are codes; w (R, S, C, K); relu_source, dx (N, H, W, C).
//
// An implicit matrix product as in conv2d_forward.cu: rows are input pixels, columns input channels, the
// depth runs over (r, s, k). A pooled gradient is spread to the pixels that its codes name while it is
// loaded, so the full-size gradient is never written.
//
// Deterministic: a gather; one thread sums each output in order of (r, s, k). All tensors are f32 or all
// bf16, the sums f32. Reference: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning",
// 2016, chapter 4.
#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/tiled/conv2d_tiled.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Rows of A: the outputs that each input pixel had a part in, along (r, s, k).
template <typename T>
struct GradientPatches : DepthVectors<kTileRows> {
    GradientReader<T> dy;
    int K, R, S, P, Q, stride_h, stride_w, out_rows, out_columns;
    int image[kCount];                  // number of the pixel's image
    int bottom[kCount], right[kCount];  // of the window of outputs, times the stride; may lie outside
    Tap tap;

    __device__ GradientPatches(const ConvSizes& sizes, const GradientReader<T>& dy_, int first_pixel)
        : dy(dy_),
          K(sizes.K),
          R(sizes.R),
          S(sizes.S),
          P(sizes.P),
          Q(sizes.Q),
          stride_h(sizes.stride_h),
          stride_w(sizes.stride_w),
          out_rows(sizes.out_rows),
          out_columns(sizes.out_columns) {
        tap = tap_at(depth(), S, K);
        const int pixels = sizes.N * sizes.H * sizes.W;
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            const int m = first_pixel + row(i);
            const int line = m / sizes.W;
            image[i] = line / sizes.H;
            // Beyond the last pixel every row of outputs is above the first.
            bottom[i] = m < pixels ? line - image[i] * sizes.H + sizes.pad_top : -1;
            right[i] = m - line * sizes.W + sizes.pad_left;
        }
    }

    /// Four values from `at` on, of which the first `count` are wanted.
    __device__ Float4 values(int i, const Tap& at, int count) const {
        const Float4 zero = {{0, 0, 0, 0}};
        int p = bottom[i] - at.r, q = right[i] - at.s;
        if (at.r >= R || p < 0 || q < 0) return zero;
        if (stride_h > 1 || stride_w > 1) {
            if (p % stride_h != 0 || q % stride_w != 0) return zero;
            p /= stride_h;
            q /= stride_w;
        }
        if (p >= P || q >= Q) return zero;
        int position = 0;
        if (dy.codes != nullptr) {
            position = p % 2 * 2 + q % 2;
            p /= 2;
            q /= 2;
            if (p >= out_rows || q >= out_columns) return zero;  // the last odd row or column was dropped
        }
        const int64_t pixel = (int64_t{image[i]} * out_rows + p) * out_columns + q;
        return dy.at(pixel * K + at.channel, position, count);
    }

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            if (dy.vector) {
                moving[i] = values(i, tap, 4);
            } else {
                Tap at = tap;
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    moving[i].lane[j] = values(i, at, 1).lane[0];
                    at.advance(1, S, K);
                }
            }
        }
        tap.advance(kTileDepth, S, K);
    }
};

/// Columns of B: for each input channel c the weights w[r,s,c,.], along (r, s, k).
template <typename T, int kTileColumns>
struct FiltersOfChannels : DepthVectors<kTileColumns> {
    using DepthVectors<kTileColumns>::moving;
    const T* w;
    int C, K, R, S, first_channel;
    bool vector;
    Tap tap;

    __device__ FiltersOfChannels(const ConvSizes& sizes, const T* w_, bool vector_, int first_column)
        : w(w_),
          C(sizes.C),
          K(sizes.K),
          R(sizes.R),
          S(sizes.S),
          first_channel(first_column),
          vector(vector_) {
        tap = tap_at(this->depth(), S, K);
    }

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < this->kCount; ++i) {
            const int c = first_channel + this->row(i);
            Tap at = tap;
            moving[i] = {{0, 0, 0, 0}};
            if (vector) {
                if (c < C && at.r < R) moving[i] = load4(weight(at, c), 4, true);
            } else {
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    if (c < C && at.r < R) moving[i].lane[j] = widened(*weight(at, c));
                    at.advance(1, S, K);
                }
            }
        }
        tap.advance(kTileDepth, S, K);
    }

    __device__ const T* weight(const Tap& at, int c) const {
        return w + (int64_t{at.r * S + at.s} * C + c) * K + at.channel;
    }
};

template <typename T, int kTileColumns>
__global__ void __launch_bounds__(kGemmThreads)
    conv2d_backward_data_kernel(ConvSizes sizes, TileGrid grid, GradientReader<T> dy, const T* w,
                                bool vector_w, const T* relu_source, T* dx, bool vector_c) {
    const int first_row = grid.first_row(), first_column = grid.first_column(kTileColumns);
    GradientPatches<T> a(sizes, dy, first_row);
    FiltersOfChannels<T, kTileColumns> b(sizes, w, vector_w, first_column);
    using Tile = ThreadTile<kTileColumns>;
    const int depth = sizes.R * sizes.S * sizes.K;
    const Tile tile = multiply_panels<kTileColumns>(a, b, (depth + kTileDepth - 1) / kTileDepth);

    const int pixels = sizes.N * sizes.H * sizes.W;
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
        const int m = first_row + Tile::row(i);
        if (m >= pixels) continue;
#pragma unroll
        for (int j = 0; j < Tile::kColumns; j += 4) {
            const int c = first_column + Tile::column(j), count = sizes.C - c;
            const int64_t to = int64_t{m} * sizes.C + c;
            Float4 value = tile.vector(i, j);
            if (relu_source != nullptr) {
                const Float4 source = load4(relu_source + to, count, vector_c);
#pragma unroll
                for (int l = 0; l < 4; ++l) {
                    if (source.lane[l] <= 0) value.lane[l] = 0;
                }
            }
            store4(dx + to, value, count, vector_c);
        }
    }
}

template <typename T>
void run_backward_data(CudaBackend& backend, const Conv2dProblem& problem, const Conv2dGradient& gradient,
                       const Tensor& w, const Tensor& relu_source, const Tensor& dx) {
    const ConvSizes sizes(problem);
    const GradientReader<T> dy = gradient_reader<T>(problem, gradient.dy, gradient.codes);
    const T* filters = w.data<T>();
    const T* source = relu_source ? relu_source.data<T>() : nullptr;
    T* to = dx.data<T>();
    const bool vector_w = moves_by_four(filters, sizes.K);
    const bool vector_c = moves_by_four(source, sizes.C) && moves_by_four(to, sizes.C);
    const auto run = [&](auto kernel, int tile_columns) {
        const TileGrid grid = {static_cast<int>(ceil_div(sizes.C, tile_columns))};
        const int64_t blocks = ceil_div(problem.N * problem.H * problem.W, kTileRows) * grid.column_tiles;
        launch(kernel, blocks_for(blocks, 1), dim3(kGemmThreads), gemm_shared_bytes(tile_columns),
               backend.stream(), sizes, grid, dy, filters, vector_w, source, to, vector_c);
    };
    if (wide_tiles(sizes.C)) {
        run(conv2d_backward_data_kernel<T, kWide>, kWide);
    } else {
        run(conv2d_backward_data_kernel<T, kNarrow>, kNarrow);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_backward_data_tiled(CudaBackend& backend, const Conv2dProblem& problem,
                                const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                                const Tensor& dx) {
    if (dx.count() == 0) return;
    dispatch_dtype(dx, [&](auto element) {
        run_backward_data<decltype(element)>(backend, problem, gradient, w, relu_source, dx);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
