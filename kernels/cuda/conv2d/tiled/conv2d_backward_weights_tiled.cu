// Convolution, gradient of the weights.
//     dw[r,s,c,k] = sum over n,p,q of x[n, p*stride+r-pad, q*stride+s-pad, c] * dy[n,p,q,k]
//
// x (N, H, W, C), dy (N, out_rows, out_columns, K), pooled if there are codes; dw (R, S, C, K).
//
// An implicit matrix product: rows are (r, s, c), columns filters, and the depth runs over the pixels. There
// are few tiles and a million pixels, so the pixels are split among blocks: each split writes its partial
// sums to a partial of its own and a second kernel adds the partials. With pooling the pixels of a window follow
// one another, so that one entry of dy and its code serve four steps of the depth.
//
// x and dy are f32 or bf16; sums and dw are f32.
//
// Deterministic: the number of splits follows from the problem alone, pixels are summed in order within a
// split and partials in order after that. Reference: Chetlur et al., "cuDNN: Efficient Primitives for Deep
// Learning", 2014; the split as in "split-K".
#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/tiled/conv2d_tiled.cuh"
#include "objloc/kernels/cuda/primitives/reduce_partials.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Rows of A: what lay under tap (r, s, c) at each output pixel.
template <typename T>
struct PixelsUnderTaps : RowVectors<kTileRows> {
    const T* x;
    const ConvSizes& sizes;
    bool vector;
    Tap tap;
    int next, end;  // pixels

    __device__ PixelsUnderTaps(const ConvSizes& sizes_, const T* x_, bool vector_, int first_row, int begin,
                               int end_)
        : x(x_),
          sizes(sizes_),
          vector(vector_),
          tap(tap_at(first_row + row(), sizes_.S, sizes_.C)),
          next(begin),
          end(end_) {}

    __device__ bool find(const OutputPixel& pixel, const Tap& at, const T*& element) const {
        const int h = pixel.p * sizes.stride_h - sizes.pad_top + at.r;
        const int w = pixel.q * sizes.stride_w - sizes.pad_left + at.s;
        if (at.r >= sizes.R || h < 0 || h >= sizes.H || w < 0 || w >= sizes.W) return false;
        element = x + ((int64_t{pixel.n} * sizes.H + h) * sizes.W + w) * sizes.C + at.channel;
        return true;
    }

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            moving[i] = {{0, 0, 0, 0}};
            const int m = next + depth(i);
            if (m >= end) continue;
            const OutputPixel pixel = output_pixel(sizes, m);
            const T* element = nullptr;
            if (vector) {
                if (find(pixel, tap, element)) moving[i] = load4(element, 4, true);
            } else {
                Tap at = tap;
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    if (find(pixel, at, element)) moving[i].lane[j] = widened(*element);
                    at.advance(1, sizes.S, sizes.C);
                }
            }
        }
        next += kTileDepth;
    }
};

/// Columns of B: the gradient of each pixel, filters side by side.
template <typename T, int kTileColumns>
struct PixelGradients : RowVectors<kTileColumns> {
    using RowVectors<kTileColumns>::moving;
    GradientReader<T> dy;
    int K, column, next, end;

    __device__ PixelGradients(const ConvSizes& sizes, const GradientReader<T>& dy_, int first_column,
                              int begin, int end_)
        : dy(dy_), K(sizes.K), column(first_column + this->row()), next(begin), end(end_) {}

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < this->kCount; ++i) {
            const int m = next + this->depth(i);
            const int window = dy.codes != nullptr ? m / 4 : m;
            moving[i] = dy.at(int64_t{window} * K + column, m % 4, m < end ? K - column : 0);
        }
        next += kTileDepth;
    }
};

/// Slot blockIdx.y: the sums over pixels blockIdx.y * per_split and on.
template <typename T, int kTileColumns>
__global__ void __launch_bounds__(kGemmThreads)
    conv2d_backward_weights_kernel(ConvSizes sizes, TileGrid grid, int per_split, const T* x, bool vector_x,
                                   GradientReader<T> dy, float* partials, bool vector_partials) {
    const int first_row = grid.first_row(), first_column = grid.first_column(kTileColumns);
    const int begin = static_cast<int>(blockIdx.y) * per_split;
    const int end = sizes.pixels - begin < per_split ? sizes.pixels : begin + per_split;
    PixelsUnderTaps<T> a(sizes, x, vector_x, first_row, begin, end);
    PixelGradients<T, kTileColumns> b(sizes, dy, first_column, begin, end);
    using Tile = ThreadTile<kTileColumns>;
    const Tile tile = multiply_panels<kTileColumns>(a, b, (end - begin + kTileDepth - 1) / kTileDepth);

    float* partial = partials + int64_t{blockIdx.y} * sizes.taps * sizes.K;
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
        const int row = first_row + Tile::row(i);
        if (row >= sizes.taps) continue;
#pragma unroll
        for (int j = 0; j < Tile::kColumns; j += 4) {
            const int k = first_column + Tile::column(j);
            store4(partial + int64_t{row} * sizes.K + k, tile.vector(i, j), sizes.K - k, vector_partials);
        }
    }
}

template <typename T>
void run_backward_weights(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                          const Conv2dGradient& gradient, const Tensor& dw) {
    const ConvSizes sizes(problem);
    const GradientReader<T> dy = gradient_reader<T>(problem, gradient.dy, gradient.codes);
    const T* from = x.data<T>();
    const int tile_columns = wide_tiles(sizes.K) ? kWide : kNarrow;
    const TileGrid grid = {static_cast<int>(ceil_div(sizes.K, tile_columns))};
    const int64_t tiles = ceil_div(sizes.taps, kTileRows) * grid.column_tiles;
    const PixelSplit split = split_pixels(sizes, kTileDepth);

    const Tensor partials = split.count == 1 ? dw : backend.allocate({split.count, dw.count()});
    float* to = partials.data<float>();
    const auto run = [&](auto kernel) {
        const dim3 blocks(blocks_for(tiles, 1).x, static_cast<unsigned>(split.count));
        launch(kernel, blocks, dim3(kGemmThreads), gemm_shared_bytes(tile_columns), backend.stream(), sizes,
               grid, split.pixels, from, moves_by_four(from, sizes.C), dy, to, moves_by_four(to, sizes.K));
    };
    if (tile_columns == kWide) {
        run(conv2d_backward_weights_kernel<T, kWide>);
    } else {
        run(conv2d_backward_weights_kernel<T, kNarrow>);
    }
    if (split.count > 1) reduce_partials(backend.stream(), split.count, dw.count(), to, dw.data<float>());
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_backward_weights_tiled(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                   const Conv2dGradient& gradient, const Tensor& dw) {
    if (dw.count() == 0) return;
    if (gradient.dy.count() == 0) return backend.fill(dw, 0);
    dispatch_dtype(
        x, [&](auto element) { run_backward_weights<decltype(element)>(backend, problem, x, gradient, dw); });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
