// Convolution, gradient of the input, on tensor cores (sm_80 and later): bf16, or f32 rounded to tf32; sums
// in fp32.
//     dx[n,h,w,c] = sum over r,s,k of dy[n, (h+pad-r)/stride, (w+pad-s)/stride, k] * w[r,s,c,k]
// where the divisions leave no rest; then 0 where relu_source[n,h,w,c] <= 0, if there is one.
//
// dy (N, out_rows, out_columns, K), pooled if there are codes; w (R, S, C, K); relu_source, dx (N, H, W, C);
// all of one type, bf16 or f32. C and K are multiples of 8.
//
// The same implicit matrix product as conv2d_backward_data.cu (rows: input pixels, columns: input
// channels, depth: (r, s, k)), with the tiles, slices and pipeline that conv2d_forward_mma.cu describes.
// What is different:
//   - Both dy and w have k side by side, so both are DepthSlices and no transposed copy of w is needed.
//   - A pooled gradient cannot be copied as it is: of each window's value, three pixels get zero. It
//     passes through the registers: values and codes are loaded before the products of a step, spread and
//     stored after them.
//   - The mask of the ReLU before is read once, four channels a thread, while the sums are written.
//
// Deterministic: a gather; each sum is taken by one warp in order of (r, s, k).
// Reference: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
#include "objloc/kernels/cuda/conv2d/tensor_core/conv2d_mma.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// A: the outputs that each input pixel had a part in, along (r, s, k).
template <typename Operand, typename Shape, bool kPooled>
struct OutputPieces : DepthShare<Operand, Shape, Shape::kRows> {
    using Share = DepthShare<Operand, Shape, Shape::kRows>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* dy;
    const uint8_t* codes;
    const PieceSizes<Operand>& sizes;
    int image[Share::kCount];
    int bottom[Share::kCount], right[Share::kCount];  // of the window of outputs, times the stride
    PooledPiece<Operand> moving[kPooled ? Share::kCount : 1];
    Tap tap;

    OBJLOC_DEVICE OutputPieces(const PieceSizes<Operand>& sizes_, const Element* dy_, const uint8_t* codes_,
                               int first_pixel)
        : dy(dy_), codes(codes_), sizes(sizes_) {
        tap = tap_at(Share::piece(), sizes.S, sizes.k_pieces);
        const int pixels = sizes.N * sizes.H * sizes.W;
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int m = first_pixel + Share::line(i), row = m / sizes.W;
            image[i] = row / sizes.H;
            // Beyond the last pixel every row of outputs is above the first.
            bottom[i] = m < pixels ? row - image[i] * sizes.H + sizes.pad_top : -1;
            right[i] = m - row * sizes.W + sizes.pad_left;
        }
    }

    /// Which piece of dy is the one for line i under the tap, and with pooling which position it must be for.
    OBJLOC_DEVICE bool find(int i, int& from, int& position) const {
        int p = bottom[i] - tap.r, q = right[i] - tap.s;
        if (tap.r >= sizes.R || p < 0 || q < 0) return false;
        if (sizes.stride_h > 1 || sizes.stride_w > 1) {
            if (p % sizes.stride_h != 0 || q % sizes.stride_w != 0) return false;
            p /= sizes.stride_h;
            q /= sizes.stride_w;
        }
        if constexpr (kPooled) {
            position = p % 2 * 2 + q % 2;
            p /= 2;
            q /= 2;  // with this a last odd row or column, which the pool dropped, lies outside
        }
        if (p >= sizes.out_rows || q >= sizes.out_columns) return false;
        from = ((image[i] * sizes.out_rows + p) * sizes.out_columns + q) * sizes.k_pieces + tap.channel;
        return true;
    }

    OBJLOC_DEVICE void fetch(Slice& to) {
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            int from = 0, position = 0;
            const bool inside = find(i, from, position);
            if constexpr (kPooled) {
                moving[i].load(dy, codes, from, position, inside);
            } else {
                copy_piece(to.at(Share::line(i), Share::piece()), dy, from, inside);
            }
        }
        tap.advance(kSlicePieces, sizes.S, sizes.k_pieces);
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

/// B: for each input channel c the weights w[r,s,c,.], along (r, s, k).
template <typename Operand, typename Shape>
struct ChannelFilterPieces : DepthShare<Operand, Shape, Shape::kColumns> {
    using Share = DepthShare<Operand, Shape, Shape::kColumns>;
    using typename Share::Element;
    using typename Share::Slice;
    const Element* w;
    int C, K, R, S, first_channel;  // K in pieces
    Tap tap;

    OBJLOC_DEVICE ChannelFilterPieces(const PieceSizes<Operand>& sizes, const Element* w_, int first_column)
        : w(w_), C(sizes.C), K(sizes.k_pieces), R(sizes.R), S(sizes.S), first_channel(first_column) {
        tap = tap_at(Share::piece(), S, K);
    }

    OBJLOC_DEVICE void fetch(Slice& to) {
#pragma unroll
        for (int i = 0; i < Share::kCount; ++i) {
            const int c = first_channel + Share::line(i);
            const int from = ((tap.r * S + tap.s) * C + c) * K + tap.channel;
            copy_piece(to.at(Share::line(i), Share::piece()), w, from, c < C && tap.r < R);
        }
        tap.advance(kSlicePieces, S, K);
    }
    OBJLOC_DEVICE void store(Slice&) {
    }
};

template <typename Operand, typename Shape, bool kPooled>
__global__ void __launch_bounds__(
    Shape::kThreads, kMmaPooledBlocks<Shape, kPooled && OutputPieces<Operand, Shape, kPooled>::kCount == 4>)
    conv2d_backward_data_mma_kernel(PieceSizes<Operand> sizes, MmaGrid<Shape> grid,
                                    const typename Operand::Element* dy, const uint8_t* codes,
                                    const typename Operand::Element* w,
                                    const typename Operand::Element* relu_source,
                                    typename Operand::Element* dx) {
    const int first_row = grid.first_row(), first_column = grid.first_column();
    OutputPieces<Operand, Shape, kPooled> a(sizes, dy, codes, first_row);
    ChannelFilterPieces<Operand, Shape> b(sizes, w, first_column);
    constexpr int kDepth = kSliceDepth<Operand>;
    const int depth = sizes.R * sizes.S * sizes.K;
    const auto& sums = multiply_slices<Shape>(a, b, (depth + kDepth - 1) / kDepth);

    constexpr int kVectors = Shape::kColumns / 4;  // of a row
    const int pixels = sizes.N * sizes.H * sizes.W;
    for (int i = static_cast<int>(threadIdx.x); i < Shape::kRows * kVectors; i += Shape::kThreads) {
        const int row = i / kVectors, column = i % kVectors * 4;
        const int m = first_row + row, c = first_column + column;
        if (m >= pixels || c >= sizes.C) continue;
        const int64_t to = int64_t{m} * sizes.C + c;
        Float4 value = sums.four(row, column);
        if (relu_source != nullptr) {
            const Float4 source = load4(relu_source + to, 4, true);
#pragma unroll
            for (int l = 0; l < 4; ++l) {
                if (source.lane[l] <= 0) value.lane[l] = 0;
            }
        }
        store4(dx + to, value, 4, true);
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void conv2d_backward_data_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem,
                              const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                              const Tensor& dx) {
    with_mma(dx, tile, [&](auto operand, auto shape) {
        using Operand = decltype(operand);
        using Shape = decltype(shape);
        using Element = typename Operand::Element;
        using Outputs = OutputPieces<Operand, Shape, false>;
        using Filters = ChannelFilterPieces<Operand, Shape>;
        const PieceSizes<Operand> sizes(problem);
        const MmaGrid<Shape> grid = mma_grid<Shape>(sizes.C);
        const int64_t blocks = ceil_div(problem.N * problem.H * problem.W, Shape::kRows) * grid.column_tiles;
        const auto run = [&](auto with_pool) {
            launch(with_pool, blocks_for(blocks, 1), dim3(Shape::kThreads),
                   mma_shared_bytes<Shape, typename Outputs::Slice, typename Filters::Slice>(),
                   backend.stream(), sizes, grid, gradient.dy.data<Element>(),
                   problem.pool ? gradient.codes.data<uint8_t>() : nullptr, w.data<Element>(),
                   relu_source ? relu_source.data<Element>() : nullptr, dx.data<Element>());
        };
        if (problem.pool) {
            run(conv2d_backward_data_mma_kernel<Operand, Shape, true>);
        } else {
            run(conv2d_backward_data_mma_kernel<Operand, Shape, false>);
        }
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
