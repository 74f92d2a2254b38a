// What the three tensor-core convolutions share: which pieces of a slice a thread brings, a pooled gradient
// that is unpooled on its way, and the choice among instantiations.
#pragma once

#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "objloc/kernels/cuda/conv2d/tensor_core/mma_pipeline.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- The passes ------------------------------------------------------------------------------------------

/// What a block makes at a time, in rows by columns of the implicit matrix product: 128 by 128, 256 by 64, 128 by 64.
enum class MmaTile { wide, tall, small };

void conv2d_forward_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem, const Tensor& x,
                        const Tensor& w, const Tensor& bias, const Tensor& y, const Tensor& codes);
void conv2d_backward_data_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem,
                              const Conv2dGradient& gradient, const Tensor& w, const Tensor& relu_source,
                              const Tensor& dx);
void conv2d_backward_weights_mma(CudaBackend& backend, MmaTile tile, const Conv2dProblem& problem,
                                 const Tensor& x, const Conv2dGradient& gradient, const Tensor& dw);

// ---- Who brings what -------------------------------------------------------------------------------------

/// A thread's share of a DepthSlice: always the same piece of depth, of kCount lines. Four threads side by
/// side bring a line's 64 bytes.
template <typename Operand_, typename Shape, int kExtent>
struct DepthShare {
    using Operand = Operand_;
    using Element = typename Operand::Element;
    using Slice = DepthSlice<Operand, kExtent>;
    static constexpr int kLines = Shape::kThreads / kSlicePieces;  // at once
    static constexpr int kCount = kExtent / kLines;

    OBJLOC_DEVICE static int line(int i) { return static_cast<int>(threadIdx.x) / kSlicePieces + i * kLines; }
    OBJLOC_DEVICE static int piece() { return static_cast<int>(threadIdx.x) % kSlicePieces; }
};

/// A thread's share of an ExtentSlice: always the same piece of rows (or columns), of kCount lines of depth.
template <typename Operand_, typename Shape, int kExtent>
struct ExtentShare {
    using Operand = Operand_;
    using Element = typename Operand::Element;
    using Slice = ExtentSlice<Operand, kExtent>;
    static constexpr int kLines = Shape::kThreads / Slice::kLine;  // at once
    static constexpr int kCount = kSliceDepth<Operand> / kLines;

    OBJLOC_DEVICE static int line(int i) { return static_cast<int>(threadIdx.x) / Slice::kLine + i * kLines; }
    OBJLOC_DEVICE static int piece() { return static_cast<int>(threadIdx.x) % Slice::kLine; }
};

/// Starts the copy of piece number `from` of a tensor to `to`, or of zeros when it lies outside of what there
/// is. Pieces are counted in 32 bits, which reach 32 GB (PieceSizes) and take half the registers of
/// addresses.
template <typename Element>
OBJLOC_DEVICE void copy_piece(PieceBytes& to, const Element* tensor, int from, bool inside) {
    const PieceBytes* pieces = reinterpret_cast<const PieceBytes*>(tensor);
    cp_async_16(&to, pieces + (inside ? from : 0), inside ? kPieceBytes : 0);
}

// ---- A pooled gradient -----------------------------------------------------------------------------------

/// A piece of a pooled gradient on its way through the registers. Each of its values belongs to the one pixel
/// of its window that its code names; a pixel's neighbours along K come from one piece, so unpooling it means
/// to put zero where the code names another position.
template <typename Operand>
struct PooledPiece {
    static constexpr int kCodeWords = kPiece<Operand> / 4;
    PieceBytes values;
    uint32_t codes[extent(kCodeWords)];  // a byte a value
    int position;

    /// Piece number `from` of dy and its codes, or zeros.
    OBJLOC_DEVICE void load(const typename Operand::Element* dy, const uint8_t* all_codes, int from, int at,
                            bool inside) {
        values = {{0, 0, 0, 0}};
        position = at;
#pragma unroll
        for (int i = 0; i < kCodeWords; ++i) codes[i] = 0;
        if (!inside) return;
        values = reinterpret_cast<const PieceBytes*>(dy)[from];
#pragma unroll
        for (int i = 0; i < kCodeWords; ++i) {
            codes[i] = reinterpret_cast<const uint32_t*>(all_codes)[int64_t{from} * kCodeWords + i];
        }
    }
    /// What reaches the pixel at `position`.
    OBJLOC_DEVICE PieceBytes unpooled() const {
        constexpr int kPerWord = kPiece<Operand> / 4;  // values in 32 bits: 2 of bf16, 1 of f32
        PieceBytes result = {};
#pragma unroll
        for (int w = 0; w < 4; ++w) {
            uint32_t keep = 0;
#pragma unroll
            for (int j = 0; j < kPerWord; ++j) {
                const int value = w * kPerWord + j;
                const uint32_t code = codes[value / 4] >> (8 * (value % 4)) & 0xFFu;
                const uint32_t bits = kPerWord == 1 ? 0xFFFFFFFFu : 0xFFFFu << (16 * j);
                if (code == static_cast<uint32_t>(position)) keep |= bits;
            }
            result.word[w] = values.word[w] & keep;
        }
        return result;
    }
};

// ---- Blocks ----------------------------------------------------------------------------------------------

/// Column tiles next to each other: blocks that run at the same time share their rows of A in the L2 cache.
template <typename Shape>
struct MmaGrid {
    int column_tiles;

    OBJLOC_DEVICE int first_row() const { return static_cast<int>(blockIdx.x) / column_tiles * Shape::kRows; }
    OBJLOC_DEVICE int first_column() const {
        return static_cast<int>(blockIdx.x) % column_tiles * Shape::kColumns;
    }
};

template <typename Shape>
MmaGrid<Shape> mma_grid(int64_t columns) {
    return {static_cast<int>(ceil_div(columns, Shape::kColumns))};
}

/// Blocks of at most 128 registers a thread, 512 threads to a multiprocessor: two (or four) blocks take
/// turns, and one multiplies while another waits or writes.
template <typename Shape>
constexpr int kMmaBlocks = 512 / Shape::kThreads;
/// One block fewer where a pooled gradient, on its way through the registers, needs more of them.
template <typename Shape, bool kManyInRegisters>
constexpr int kMmaPooledBlocks = kMmaBlocks<Shape> - (kManyInRegisters ? 1 : 0);

/// The problem as the panels see it, which count channels and filters in pieces of 16 bytes. Throws Error
/// where 32 bits do not suffice to number a tensor's pieces.
template <typename Operand>
struct PieceSizes : ConvSizes {
    int c_pieces, k_pieces;

    explicit PieceSizes(const Conv2dProblem& problem)
        : ConvSizes(problem), c_pieces(C / kPiece<Operand>), k_pieces(K / kPiece<Operand>) {
        const int64_t inputs = problem.N * problem.H * problem.W;
        to_int32(inputs * c_pieces, "pieces of the image");
        to_int32(int64_t{pixels} * k_pieces, "pieces of the output");
        to_int32(int64_t{taps} * k_pieces, "pieces of the weights");
    }
};

/// Calls `run` with the operands for the tensor's elements and the shape of the kernel's tile.
template <typename Run>
void with_mma(const Tensor& tensor, MmaTile tile, const Run& run) {
    const auto with_operand = [&](auto operand) {
        if (tile == MmaTile::wide) return run(operand, MmaShape<2, 4>{});
        if (tile == MmaTile::tall) return run(operand, MmaShape<4, 2>{});
        return run(operand, MmaShape<2, 2>{});
    };
    if (tensor.type() == DType::bf16) {
        with_operand(Bf16{});
    } else {
        with_operand(Tf32{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
