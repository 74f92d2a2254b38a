// Convolution, forward, with bias, ReLU and 2x2 max pooling.
//     y[n,p,q,k] = act(bias[k] + sum over r,s,c of x[n, p*stride+r-pad, q*stride+s-pad, c] * w[r,s,c,k])
//
// x (N, H, W, C), w (R, S, C, K), bias (K) or null, y (N, out_rows, out_columns, K); codes as y, u8.
//
// An implicit matrix product: rows are output pixels, columns filters, the depth runs over (r, s, c). The
// matrix of patches is never written: a panel gathers it from the image, zero outside, while the product
// runs. A block makes 128 pixels by 64 or 128 filters. With pooling the pixels of a window are four
// neighbouring rows, which one thread owns, so bias, ReLU and maximum happen in registers and only the pooled
// image reaches memory.
//
// Deterministic: one thread sums each output in order of (r, s, c). Ties: the first maximum in row-major
// order wins; code 4 says that ReLU clipped the whole window. x, w and y are f32 or bf16, the sums f32.
// Reference: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.
#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/conv2d_epilogue.cuh"
#include "objloc/kernels/cuda/conv2d/tiled/conv2d_tiled.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Rows of A: the patch of x under each output pixel, along (r, s, c).
template <typename T>
struct ImagePatches : DepthVectors<kTileRows> {
    const T* x;
    int H, W, C, R, S;
    bool vector;
    int64_t image[kCount];          // element where the pixel's image begins
    int top[kCount], left[kCount];  // of the window, may lie outside
    Tap tap;

    __device__ ImagePatches(const ConvSizes& sizes, const T* x_, bool vector_, int first_pixel)
        : x(x_), H(sizes.H), W(sizes.W), C(sizes.C), R(sizes.R), S(sizes.S), vector(vector_) {
        tap = tap_at(depth(), S, C);
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            const int m = first_pixel + row(i);
            const OutputPixel pixel = output_pixel(sizes, m);
            image[i] = int64_t{pixel.n} * H * W * C;
            // Beyond the last pixel every row is outside the image.
            top[i] = m < sizes.pixels ? pixel.p * sizes.stride_h - sizes.pad_top : -(1 << 30);
            left[i] = pixel.q * sizes.stride_w - sizes.pad_left;
        }
    }

    /// Whether `at` of row i lies in the image, and where.
    __device__ bool find(int i, const Tap& at, const T*& element) const {
        const int h = top[i] + at.r, w = left[i] + at.s;
        if (at.r >= R || h < 0 || h >= H || w < 0 || w >= W) return false;
        element = x + image[i] + (int64_t{h} * W + w) * C + at.channel;
        return true;
    }

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            moving[i] = {{0, 0, 0, 0}};
            const T* element = nullptr;
            if (vector) {  // four channels lie under one tap
                if (find(i, tap, element)) moving[i] = load4(element, 4, true);
            } else {
                Tap at = tap;
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    if (find(i, at, element)) moving[i].lane[j] = widened(*element);
                    at.advance(1, S, C);
                }
            }
        }
        tap.advance(kTileDepth, S, C);
    }
};

/// Columns of B: w as it lies, filters side by side.
template <typename T, int kTileColumns>
struct Filters : RowVectors<kTileColumns> {
    using RowVectors<kTileColumns>::moving;
    const T* w;
    int taps, K, column, first_depth = 0;
    bool vector;

    __device__ Filters(const ConvSizes& sizes, const T* w_, bool vector_, int first_column)
        : w(w_), taps(sizes.taps), K(sizes.K), column(first_column + this->row()), vector(vector_) {}

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < this->kCount; ++i) {
            const int depth = first_depth + this->depth(i);
            const int count = depth < taps ? K - column : 0;
            moving[i] = load4(w + int64_t{depth} * K + column, count, vector);
        }
        first_depth += kTileDepth;
    }
};

template <typename T, int kTileColumns>
__global__ void __launch_bounds__(kGemmThreads)
    conv2d_forward_kernel(ConvSizes sizes, TileGrid grid, const T* x, bool vector_x, const T* w,
                          const float* bias, T* y, uint8_t* codes, bool vector_k) {
    const int first_row = grid.first_row(), first_column = grid.first_column(kTileColumns);
    ImagePatches<T> a(sizes, x, vector_x, first_row);
    Filters<T, kTileColumns> b(sizes, w, vector_k, first_column);
    using Tile = ThreadTile<kTileColumns>;
    const Tile tile = multiply_panels<kTileColumns>(a, b, (sizes.taps + kTileDepth - 1) / kTileDepth);

#pragma unroll
    for (int j = 0; j < Tile::kColumns; j += 4) {
        const int k = first_column + Tile::column(j), count = sizes.K - k;
        const Float4 shift = bias != nullptr ? load4(bias + k, count, vector_k) : Float4{{0, 0, 0, 0}};
#pragma unroll
        for (int run = 0; run < Tile::kRows; run += 4) {  // four neighbouring pixels: one window
            Float4 window[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) window[i] = activated(tile.vector(run + i, j), shift, sizes.relu);
            const int m = first_row + Tile::row(run);
            if (!sizes.pool) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    if (m + i < sizes.pixels)
                        store4(y + int64_t{m + i} * sizes.K + k, window[i], count, vector_k);
                }
            } else if (m < sizes.pixels) {
                Byte4 code;
                const Float4 best = pooled(window, sizes.relu, code);
                const int64_t to = int64_t{m / 4} * sizes.K + k;
                store4(y + to, best, count, vector_k);
                store4(codes + to, code, count, vector_k);
            }
        }
    }
}

template <typename T>
void run_forward(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x, const Tensor& w,
                 const Tensor& bias, const Tensor& y, const Tensor& codes) {
    const ConvSizes sizes(problem);
    const T* from = x.data<T>();
    const T* filters = w.data<T>();
    const float* shift = bias ? bias.data<float>() : nullptr;
    T* to = y.data<T>();
    uint8_t* code = problem.pool ? codes.data<uint8_t>() : nullptr;
    const bool vector_x = moves_by_four(from, sizes.C);
    const bool vector_k = moves_by_four(filters, sizes.K) && moves_by_four(shift, sizes.K) &&
                          moves_by_four(to, sizes.K) && moves_by_four(code, sizes.K);
    const auto run = [&](auto kernel, int tile_columns) {
        const TileGrid grid = {static_cast<int>(ceil_div(sizes.K, tile_columns))};
        const int64_t blocks = ceil_div(sizes.pixels, kTileRows) * grid.column_tiles;
        launch(kernel, blocks_for(blocks, 1), dim3(kGemmThreads), gemm_shared_bytes(tile_columns),
               backend.stream(), sizes, grid, from, vector_x, filters, shift, to, code, vector_k);
    };
    if (wide_tiles(sizes.K)) {
        run(conv2d_forward_kernel<T, kWide>, kWide);
    } else {
        run(conv2d_forward_kernel<T, kNarrow>, kNarrow);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_forward_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                          const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes) {
    if (y.count() == 0) return;
    dispatch_dtype(
        x, [&](auto element) { run_forward<decltype(element)>(backend, problem, x, w, bias, y, codes); });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
