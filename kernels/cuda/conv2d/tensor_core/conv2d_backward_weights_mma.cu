// Convolution, gradient of the weights, on tensor cores (sm_80 and later): bf16, or f32 rounded to tf32; sums
// in fp32.
//     dw[r,s,c,k] = sum over n,p,q of x[n, p*stride+r-pad, q*stride+s-pad, c] * dy[n,p,q,k]
//
// x (N, H, W, C), dy (N, out_rows, out_columns, K), pooled if there are codes; both bf16 or both f32. dw (R,
// S, C, K) is f32 always. C and K are multiples of 8.
//
// The same implicit matrix product as conv2d_backward_weights.cu (rows: (r, s, c), columns: filters,
// depth: the pixels, split among blocks), with the tiles, slices and pipeline that conv2d_forward_mma.cu
// describes. What is different:
//   - The depth runs over pixels, and in memory channels lie side by side. So both slices are
//     ExtentSlices: a line is a pixel. ldmatrix turns bf16 over on the way to the registers; f32 is read
//     word by word.
//   - A piece is eight (or four) channels under one tap, so that a thread's tap never changes. Its pixels
//     do, each step, and need dividing by the image's sides: Divisor does that cheaply.
//   - Few tiles and many pixels: split s of the pixels writes its sums to partial s, and a second kernel
//     adds the partials.
//
// Deterministic: the splits follow from the problem alone (split_pixels), each sum is taken in order of the
// pixels, and partials are added in a fixed order. Reference: "split-K"; Chetlur et al., "cuDNN: Efficient
// Primitives for Deep Learning", 2014.
#include "objloc/kernels/cuda/conv2d/tensor_core/conv2d_mma.cuh"
#include "objloc/kernels/cuda/primitives/reduce_partials.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Division by a number that the host knows: a multiplication and a shift in place of some 20 instructions,
/// for dividends below 2^31. Reference: Granlund, Montgomery, "Division by invariant integers using
/// multiplication", 1994.
struct Divisor {
    int divisor, shift = 0;
    uint32_t multiplier;

    explicit Divisor(int divisor_) : divisor(divisor_) {
        while ((int64_t{1} << shift) < divisor) ++shift;
        const int64_t over = ((int64_t{1} << shift) - divisor) << 32;
        multiplier = static_cast<uint32_t>(over / divisor + 1);
    }
    OBJLOC_DEVICE int divide(int dividend) const {
        const auto value = static_cast<uint32_t>(dividend);
        return static_cast<int>((__umulhi(value, multiplier) + value) >> shift);
    }
};

/// A: what lay under tap (r, s, c) at each output pixel.
template <typename Operand, typename Shape>
struct TapPieces : ExtentShare<Operand, Shape, Shape::kRows> {
    using Share = ExtentShare<Operand, Shape, Shape::kRows>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* x;
    const PieceSizes<Operand>& sizes;
    const Divisor &rows, &columns;
    Tap tap;
    int next, end;  // pixels

    OBJLOC_DEVICE TapPieces(const PieceSizes<Operand>& sizes_, const Divisor& rows_, const Divisor& columns_,
                            const Element* x_, int first_row, int begin, int end_)
        : x(x_), sizes(sizes_), rows(rows_), columns(columns_), next(begin), end(end_) {
        tap = tap_at(first_row / kPiece<Operand> + Share::piece(), sizes.S, sizes.c_pieces);
    }

    OBJLOC_DEVICE void fetch(Slice& to) {
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int m = next + Share::line(i), group = sizes.pool ? m / 4 : m;
            const int line = columns.divide(group), n = rows.divide(line);
            int p = line - n * rows.divisor, q = group - line * columns.divisor;
            if (sizes.pool) {  // position m % 4 of the window
                p = 2 * p + m / 2 % 2;
                q = 2 * q + m % 2;
            }
            const int h = p * sizes.stride_h - sizes.pad_top + tap.r;
            const int w = q * sizes.stride_w - sizes.pad_left + tap.s;
            const bool inside = m < end && tap.r < sizes.R && h >= 0 && h < sizes.H && w >= 0 && w < sizes.W;
            const int from = ((n * sizes.H + h) * sizes.W + w) * sizes.c_pieces + tap.channel;
            copy_piece(to.at(Share::line(i), Share::piece()), x, from, inside);
        }
        next += kSliceDepth<Operand>;
    }
    OBJLOC_DEVICE void store(Slice&) {
    }
};

/// B: the gradient of each pixel, filters side by side.
template <typename Operand, typename Shape, bool kPooled>
struct GradientPieces : ExtentShare<Operand, Shape, Shape::kColumns> {
    using Share = ExtentShare<Operand, Shape, Shape::kColumns>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* dy;
    const uint8_t* codes;
    int K, column;  // in pieces
    int next, end;  // pixels
    PooledPiece<Operand> moving[kPooled ? Share::kCount : 1];

    OBJLOC_DEVICE GradientPieces(const PieceSizes<Operand>& sizes, const Element* dy_, const uint8_t* codes_,
                                 int first_column, int begin, int end_)
        : dy(dy_),
          codes(codes_),
          K(sizes.k_pieces),
          column(first_column / kPiece<Operand> + Share::piece()),
          next(begin),
          end(end_) {}

    OBJLOC_DEVICE void fetch(Slice& to) {
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int m = next + Share::line(i);
            const bool inside = m < end && column < K;
            if constexpr (kPooled) {
                // Slices and splits are multiples of four pixels, so a line's position never changes.
                moving[i].load(dy, codes, m / 4 * K + column, Share::line(i) % 4, inside);
            } else {
                copy_piece(to.at(Share::line(i), Share::piece()), dy, m * K + column, inside);
            }
        }
        next += kSliceDepth<Operand>;
    }
    OBJLOC_DEVICE void store(Slice& to) {
        if constexpr (kPooled) {
#pragma unroll
            for (int i = 0; i < Share::kCount; ++i) {
                to.at(Share::line(i), Share::piece()) = moving[i].unpooled();
            }
        }
    }
};

/// Slot blockIdx.y: the sums over pixels blockIdx.y * per_split and on.
template <typename Operand, typename Shape, bool kPooled>
__global__ void __launch_bounds__(Shape::kThreads,
                                  kMmaPooledBlocks<Shape, kPooled && std::is_same_v<Operand, Tf32>>)
    conv2d_backward_weights_mma_kernel(PieceSizes<Operand> sizes, MmaGrid<Shape> grid, Divisor rows,
                                       Divisor columns, int per_split, const typename Operand::Element* x,
                                       const typename Operand::Element* dy, const uint8_t* codes,
                                       float* partials) {
    const int first_row = grid.first_row(), first_column = grid.first_column();
    const int begin = static_cast<int>(blockIdx.y) * per_split;
    const int end = sizes.pixels - begin < per_split ? sizes.pixels : begin + per_split;
    TapPieces<Operand, Shape> a(sizes, rows, columns, x, first_row, begin, end);
    GradientPieces<Operand, Shape, kPooled> b(sizes, dy, codes, first_column, begin, end);
    constexpr int kDepth = kSliceDepth<Operand>;
    const auto& sums = multiply_slices<Shape>(a, b, (end - begin + kDepth - 1) / kDepth);

    float* partial = partials + int64_t{blockIdx.y} * sizes.taps * sizes.K;
    constexpr int kVectors = Shape::kColumns / 4;  // of a row
    for (int i = static_cast<int>(threadIdx.x); i < Shape::kRows * kVectors; i += Shape::kThreads) {
        const int row = i / kVectors, column = i % kVectors * 4;
        const int m = first_row + row, k = first_column + column;
        if (m >= sizes.taps || k >= sizes.K) continue;
        store4(partial + int64_t{m} * sizes.K + k, sums.four(row, column), 4, true);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_backward_weights_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem,
                                 const Tensor& x, const Conv2dGradient& gradient, const Tensor& dw) {
    with_mma(x, tile, [&](auto operand, auto shape) {
        using Operand = decltype(operand);
        using Shape = decltype(shape);
        using Element = typename Operand::Element;
        using Taps = TapPieces<Operand, Shape>;
        using Gradients = GradientPieces<Operand, Shape, false>;
        constexpr int kDepth = kSliceDepth<Operand>;
        const PieceSizes<Operand> sizes(problem);
        const MmaGrid<Shape> grid = mma_grid<Shape>(sizes.K);
        const int64_t tiles = ceil_div(sizes.taps, Shape::kRows) * grid.column_tiles;
        const PixelSplit split = split_pixels(sizes, kDepth);
        const Tensor partials = split.count == 1 ? dw : backend.allocate({split.count, dw.count()});
        const dim3 blocks(blocks_for(tiles, 1).x, static_cast<unsigned>(split.count));
        const auto run = [&](auto with_pool) {
            launch(with_pool, blocks, dim3(Shape::kThreads),
                   mma_shared_bytes<Shape, typename Taps::Slice, typename Gradients::Slice>(),
                   backend.stream(), sizes, grid, Divisor(sizes.out_rows), Divisor(sizes.out_columns),
                   split.pixels, x.data<Element>(), gradient.dy.data<Element>(),
                   problem.pool ? gradient.codes.data<uint8_t>() : nullptr, partials.data<float>());
        };
        if (problem.pool) {
            run(conv2d_backward_weights_mma_kernel<Operand, Shape, true>);
        } else {
            run(conv2d_backward_weights_mma_kernel<Operand, Shape, false>);
        }
        if (split.count > 1) {
            reduce_partials(backend.stream(), split.count, dw.count(), partials.data<float>(),
                            dw.data<float>());
        }
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
