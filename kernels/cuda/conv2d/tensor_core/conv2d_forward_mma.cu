// Convolution, forward, on tensor cores (sm_80 and later): bf16, or f32 rounded to tf32; sums in fp32.
//     y[n,p,q,k] = act(bias[k] + sum over r,s,c of x[n, p*stride+r-pad, q*stride+s-pad, c] * w[r,s,c,k])
//
// x (N, H, W, C), w (R, S, C, K), y (N, out_rows, out_columns, K) of one type, bf16 or f32; bias (K) f32 or
// null; codes as y, u8. C and K are multiples of 8.
//
// The same implicit matrix product as conv2d_forward.cu (rows: output pixels, columns: filters, depth:
// (r, s, c)), step by step:
//   1. A block takes 128 or 256 pixels by 64 or 128 filters; with pooling, the four pixels of a window
//      follow one another. Each of its threads looks after 2 to 4 pixels and knows where their windows
//      begin.
//   2. A slice is 64 bytes of depth. Since C is a multiple of 8, a piece of 16 bytes never crosses from
//      one tap to the next: it is one aligned copy, or zeros where the tap lies outside the image.
//   3. Pieces travel by cp.async, three slices ahead of the tensor cores (mma_pipeline.cuh), to places in
//      shared memory that are read without bank conflicts (mma_tile.cuh). Channels lie along the depth, so
//      patches are a DepthSlice; filters lie along the columns, so w is an ExtentSlice, as it is, without
//      a transposed copy.
//   4. Each warp multiplies 64 x 32 of the tile.
//   5. The sums go through shared memory, so that a thread holds four filters of one pixel, or of a
//      window's four: bias, ReLU, maximum and its code are done there, and only the final image reaches
//      memory, in whole lines.
//
// Deterministic: each sum is taken by one warp in order of (r, s, c). Ties and codes: as conv2d_forward.cu.
// Reference: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.
#include "objloc/kernels/cuda/conv2d/conv2d_epilogue.cuh"
#include "objloc/kernels/cuda/conv2d/tensor_core/conv2d_mma.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// A: the patch of x under each output pixel, along (r, s, c).
template <typename Operand, typename Shape>
struct PatchPieces : DepthShare<Operand, Shape, Shape::kRows> {
    using Share = DepthShare<Operand, Shape, Shape::kRows>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* x;
    int H, W, C, R, S;          // C in pieces
    int corner[Share::kCount];  // piece of x under tap (0, 0), may lie outside
    int top[Share::kCount], left[Share::kCount];
    Tap tap;

    OBJLOC_DEVICE PatchPieces(const PieceSizes<Operand>& sizes, const Element* x_, int first_pixel)
        : x(x_), H(sizes.H), W(sizes.W), C(sizes.c_pieces), R(sizes.R), S(sizes.S) {
        tap = tap_at(Share::piece(), S, C);
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int m = first_pixel + Share::line(i);
            const OutputPixel pixel = output_pixel(sizes, m);
            top[i] = pixel.p * sizes.stride_h - sizes.pad_top;
            left[i] = pixel.q * sizes.stride_w - sizes.pad_left;
            corner[i] = ((pixel.n * H + top[i]) * W + left[i]) * C;
            if (m >= sizes.pixels) top[i] = -(1 << 30);  // beyond the last pixel every row is outside
        }
    }

    OBJLOC_DEVICE void fetch(Slice& to) {
        const int shift = (tap.r * W + tap.s) * C + tap.channel;
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int h = top[i] + tap.r, w = left[i] + tap.s;
            const bool inside = tap.r < R && h >= 0 && h < H && w >= 0 && w < W;
            copy_piece(to.at(Share::line(i), Share::piece()), x, corner[i] + shift, inside);
        }
        tap.advance(kSlicePieces, S, C);
    }
    OBJLOC_DEVICE void store(Slice&) {
    }
};

/// B: w as it lies, filters side by side.
template <typename Operand, typename Shape>
struct FilterPieces : ExtentShare<Operand, Shape, Shape::kColumns> {
    using Share = ExtentShare<Operand, Shape, Shape::kColumns>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* w;
    int taps, K, column, first_depth = 0;  // K and column in pieces

    OBJLOC_DEVICE FilterPieces(const PieceSizes<Operand>& sizes, const Element* w_, int first_column)
        : w(w_),
          taps(sizes.taps),
          K(sizes.k_pieces),
          column(first_column / kPiece<Operand> + Share::piece()) {}

    OBJLOC_DEVICE void fetch(Slice& to) {
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int depth = first_depth + Share::line(i);
            copy_piece(to.at(Share::line(i), Share::piece()), w, depth * K + column,
                       depth < taps && column < K);
        }
        first_depth += kSliceDepth<Operand>;
    }
    OBJLOC_DEVICE void store(Slice&) {
    }
};

template <typename Operand, typename Shape>
__global__ void __launch_bounds__(Shape::kThreads, kMmaBlocks<Shape>)
    conv2d_forward_mma_kernel(PieceSizes<Operand> sizes, MmaGrid<Shape> grid,
                              const typename Operand::Element* x, const typename Operand::Element* w,
                              const float* bias, typename Operand::Element* y, uint8_t* codes) {
    const int first_row = grid.first_row(), first_column = grid.first_column();
    PatchPieces<Operand, Shape> a(sizes, x, first_row);
    FilterPieces<Operand, Shape> b(sizes, w, first_column);
    constexpr int kDepth = kSliceDepth<Operand>;
    const auto& sums = multiply_slices<Shape>(a, b, (sizes.taps + kDepth - 1) / kDepth);

    constexpr int kVectors = Shape::kColumns / 4;  // of a row
    const int group = sizes.pool ? 4 : 1;          // rows that make one pixel of y
    for (int i = static_cast<int>(threadIdx.x); i < Shape::kRows / group * kVectors; i += Shape::kThreads) {
        const int row = i / kVectors * group, column = i % kVectors * 4;
        const int m = first_row + row, k = first_column + column;
        if (m >= sizes.pixels || k >= sizes.K) continue;
        const Float4 shift = bias != nullptr ? load4(bias + k, 4, false) : Float4{{0, 0, 0, 0}};
        if (!sizes.pool) {
            store4(y + int64_t{m} * sizes.K + k, activated(sums.four(row, column), shift, sizes.relu), 4,
                   true);
            continue;
        }
        Float4 window[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) window[j] = activated(sums.four(row + j, column), shift, sizes.relu);
        Byte4 code;
        const Float4 best = pooled(window, sizes.relu, code);
        const int64_t to = int64_t{m / 4} * sizes.K + k;
        store4(y + to, best, 4, true);
        store4(codes + to, code, 4, true);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_forward_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem, const Tensor& x,
                        const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes) {
    with_mma(x, tile, [&](auto operand, auto shape) {
        using Operand = decltype(operand);
        using Shape = decltype(shape);
        using Element = typename Operand::Element;
        using Patches = PatchPieces<Operand, Shape>;
        using Filters = FilterPieces<Operand, Shape>;
        const PieceSizes<Operand> sizes(problem);
        const MmaGrid<Shape> grid = mma_grid<Shape>(sizes.K);
        const int64_t blocks = ceil_div(sizes.pixels, Shape::kRows) * grid.column_tiles;
        launch(conv2d_forward_mma_kernel<Operand, Shape>, blocks_for(blocks, 1), dim3(Shape::kThreads),
               mma_shared_bytes<Shape, typename Patches::Slice, typename Filters::Slice>(), backend.stream(),
               sizes, grid, x.data<Element>(), w.data<Element>(), bias ? bias.data<float>() : nullptr,
               y.data<Element>(), problem.pool ? codes.data<uint8_t>() : nullptr);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
