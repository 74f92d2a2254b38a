// A block's tile of a matrix product on tensor cores, the portable way (sm_80 and later):
//     sum[row, column] += A[row, depth] * B[depth, column]
// with bf16 operands, or f32 ones rounded to tf32; sums are f32.
//
//     block   kRows x kColumns     its warps stand side by side, see MmaShape
//     warp    64 x 32              4 x 4 products of 16 x 8, so that a fragment of A serves four columns of
//                                  products and one of B four rows: 6 reads of shared memory for 16 products
//     slice   64 bytes of depth    what one step of the pipeline (mma_pipeline.cuh) brings of A and of B:
//                                  two products deep
//
// All moves are in pieces of 16 bytes. A slice lies in shared memory in one of two forms, after what lies
// side by side in global memory, so that a piece is copied as it is:
//     DepthSlice    neighbours along the depth:  line = row (or column), 4 pieces of depth each
//     ExtentSlice   neighbours along the rows (or columns):  line = depth
// Shared memory has 32 banks of 4 bytes; a read is at full speed when the threads that are served together
// touch each bank once. So pieces are exchanged within their line ("xor swizzle"): piece p of line l lies
// at p ^ f(l), with f chosen such that the reads below meet no bank twice; the f32 ExtentSlice, which is
// read in words, has padding instead. Writes fill whole lines and meet none twice either way.
//
// Determinism: a product adds its 16 (or 8) terms in an order that the hardware fixes; products follow in
// order of depth. References: NVIDIA, PTX ISA, "Matrix fragments for mma.m16n8k16" and "ldmatrix"; NVIDIA
// CUTLASS, "Efficient GEMM in CUDA".
#pragma once

#include <type_traits>

#include "objloc/kernels/cuda/primitives/ptx.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- Operands --------------------------------------------------------------------------------------------

struct FragmentA {  // 16 rows by two pieces of depth
    uint32_t word[4];
};
struct FragmentB {  // two pieces of depth by 8 columns
    uint32_t word[2];
};

/// What is multiplied: the element in memory, and the instruction. Both instructions eat two pieces of depth.
struct Bf16 {
    using Element = __nv_bfloat16;
    OBJLOC_DEVICE static void multiply(Sums4& sum, const FragmentA& a, const FragmentB& b) {
        mma_m16n8k16_bf16(sum, a.word, b.word);
    }
};
struct Tf32 {
    using Element = float;
    OBJLOC_DEVICE static void multiply(Sums4& sum, const FragmentA& a, const FragmentB& b) {
        mma_m16n8k8_tf32(sum, a.word, b.word);
    }
};

/// f32 words become tf32: rounded to nearest, since the instruction itself would cut the lower bits off,
/// which biases every product towards zero. bf16 words are two operands each, as they are.
template <typename Operand, typename Fragment>
OBJLOC_DEVICE void to_operands(Fragment& fragment) {
    if constexpr (std::is_same_v<Operand, Tf32>) {
#pragma unroll
        for (uint32_t& word : fragment.word) word = to_tf32(__uint_as_float(word));
    }
}

constexpr int kPieceBytes = 16;
constexpr int kSlicePieces = 4;    // of depth
constexpr int kSliceProducts = 2;  // one after the other, two pieces each

/// Elements of a piece, and of a slice along the depth: 8 and 32 of bf16, 4 and 16 of f32.
template <typename Operand>
constexpr int kPiece = kPieceBytes / static_cast<int>(sizeof(typename Operand::Element));
template <typename Operand>
constexpr int kSliceDepth = kSlicePieces* kPiece<Operand>;

struct alignas(kPieceBytes) PieceBytes {
    uint32_t word[4];
};

// ---- Slices in shared memory -----------------------------------------------------------------------------

/// `kExtent` lines (rows of A, or columns of B) of four pieces of depth.
///
/// A line is 64 bytes, so two lines cover the banks once. ldmatrix reads one piece of eight neighbouring
/// lines at a time: f(l) = l / 2 % 4 gives each pair of lines another place, and the two of a pair lie apart
/// anyway.
template <typename Operand_, int kExtent>
struct DepthSlice {
    using Operand = Operand_;
    PieceBytes piece[extent(kExtent * kSlicePieces)];

    OBJLOC_DEVICE PieceBytes& at(int line, int p) {
        return piece[line * kSlicePieces + (p ^ (line / 2 % 4))];
    }
    /// Of line first + l, where `first` is a multiple of 8: f needs l alone, so that the compiler sees one
    /// address and constant distances from it.
    OBJLOC_DEVICE const PieceBytes* at(int first, int l, int p) const {
        return &piece[first * kSlicePieces + l * kSlicePieces + (p ^ (l / 2 % 4))];
    }

    /// Lane 8 * i + r names line r of quarter i. Quarters of A: the upper and lower eight rows, then the same
    /// of the second piece.
    OBJLOC_DEVICE FragmentA rows16(int first, int product) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const Fragment4 m = ldmatrix_x4(at(first, lane % 16, 2 * product + lane / 16));
        FragmentA a = {{m.word[0], m.word[1], m.word[2], m.word[3]}};
        to_operands<Operand>(a);
        return a;
    }
    /// Two fragments: quarters are the two pieces of the first eight columns, then of the next eight.
    OBJLOC_DEVICE void columns16(int first, int product, FragmentB& left, FragmentB& right) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int column = lane / 16 * 8 + lane % 8;
        const Fragment4 m = ldmatrix_x4(at(first, column, 2 * product + lane / 8 % 2));
        left = {{m.word[0], m.word[1]}};
        right = {{m.word[2], m.word[3]}};
        to_operands<Operand>(left);
        to_operands<Operand>(right);
    }
};

/// One line for each step of depth, `kExtent` elements (rows of A, or columns of B) long.
template <typename Operand, int kExtent>
struct ExtentSlice;

/// bf16: ldmatrix turns 8x8 elements over while it reads them, one piece of eight neighbouring lines at a
/// time; f(l) = l % 8 gives each line another place.
template <int kExtent>
struct ExtentSlice<Bf16, kExtent> {
    using Operand = Bf16;
    static constexpr int kLine = kExtent / kPiece<Bf16>;  // pieces
    PieceBytes piece[extent(kSliceDepth<Bf16> * kLine)];

    OBJLOC_DEVICE PieceBytes& at(int line, int p) { return piece[line * kLine + (p ^ (line % 8))]; }
    OBJLOC_DEVICE const PieceBytes* at(int first, int l, int p) const {  // as DepthSlice's
        return &piece[first * kLine + l * kLine + (p ^ (l % 8))];
    }

    OBJLOC_DEVICE FragmentA rows16(int first, int product) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int line = lane / 16 * 8 + lane % 8;
        const Fragment4 m = ldmatrix_x4_trans(at(16 * product, line, first / 8 + lane / 8 % 2));
        return {{m.word[0], m.word[1], m.word[2], m.word[3]}};
    }
    OBJLOC_DEVICE void columns16(int first, int product, FragmentB& left, FragmentB& right) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const Fragment4 m = ldmatrix_x4_trans(at(16 * product, lane % 16, first / 8 + lane / 16));
        left = {{m.word[0], m.word[1]}};
        right = {{m.word[2], m.word[3]}};
    }
};

/// f32: ldmatrix turns nothing of 32 bits, so each lane reads its own words, lane 4 g + m the neighbour g of
/// line m. Instead of an exchange, two empty pieces end each line: four lines then begin eight banks apart,
/// and every word is a constant distance from the lane's first.
template <int kExtent>
struct ExtentSlice<Tf32, kExtent> {
    using Operand = Tf32;
    static constexpr int kLine = kExtent / kPiece<Tf32>;  // pieces
    PieceBytes piece[extent(kSliceDepth<Tf32>)][extent(kLine + 2)];

    OBJLOC_DEVICE PieceBytes& at(int line, int p) { return piece[line][p]; }
    OBJLOC_DEVICE uint32_t word(int line, int element) const {
        return piece[line][element / 4].word[element % 4];
    }

    OBJLOC_DEVICE FragmentA rows16(int first, int product) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int line = 8 * product + lane % 4, row = first + lane / 4;
        FragmentA a = {{word(line, row), word(line, row + 8), word(line + 4, row), word(line + 4, row + 8)}};
        to_operands<Tf32>(a);
        return a;
    }
    OBJLOC_DEVICE void columns16(int first, int product, FragmentB& left, FragmentB& right) const {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int line = 8 * product + lane % 4, column = first + lane / 4;
        left = {{word(line, column), word(line + 4, column)}};
        right = {{word(line, column + 8), word(line + 4, column + 8)}};
        to_operands<Tf32>(left);
        to_operands<Tf32>(right);
    }
};

// ---- Warps and their sums --------------------------------------------------------------------------------

/// How a block's warps stand: kWarpRows x kWarpColumns of them, each with 64 x 32 sums.
template <int kWarpRows, int kWarpColumns>
struct MmaShape {
    static constexpr int kThreads = 32 * kWarpRows * kWarpColumns;
    static constexpr int kRows = 64 * kWarpRows, kColumns = 32 * kWarpColumns;

    OBJLOC_DEVICE static int warp() { return static_cast<int>(threadIdx.x) / 32; }
    OBJLOC_DEVICE static int first_row() { return warp() / kWarpColumns * 64; }
    OBJLOC_DEVICE static int first_column() { return warp() % kWarpColumns * 32; }
};

/// A warp's 64 x 32 sums, as its lanes share them: product [i][j] is rows 16 i, columns 8 j.
struct WarpSums {
    Sums4 product[4][4] = {};

    template <typename Shape, typename SliceA, typename SliceB>
    OBJLOC_DEVICE void multiply(const SliceA& a, const SliceB& b) {
        // One product after the other where the compiler would else read both ahead, into registers there are
        // not.
        [[maybe_unused]] constexpr int kUnroll =
            std::is_same_v<SliceA, ExtentSlice<Tf32, Shape::kRows>> ? 1 : kSliceProducts;
#pragma unroll kUnroll
        for (int step = 0; step < kSliceProducts; ++step) {
            FragmentB columns[4];
#pragma unroll
            for (int j = 0; j < 4; j += 2) {
                b.columns16(Shape::first_column() + 8 * j, step, columns[j], columns[j + 1]);
            }
            FragmentA next = a.rows16(Shape::first_row(), step);
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const FragmentA rows = next;  // the next one is read while these are multiplied
                if (i < 3) next = a.rows16(Shape::first_row() + 16 * (i + 1), step);
#pragma unroll
                for (int j = 0; j < 4; ++j) SliceA::Operand::multiply(product[i][j], rows, columns[j]);
            }
        }
    }
};

/// A block's sums laid out in shared memory, where the slices were, so that each thread can take four
/// neighbours of one row and global memory sees whole lines. Eight floats of padding keep the warps' writes,
/// two floats a lane, off each other's banks.
template <typename Shape>
struct StagedSums {
    float sum[Shape::kRows][extent(Shape::kColumns + 8)];

    /// All threads; the slices must no longer be in use.
    OBJLOC_DEVICE void store(const WarpSums& sums) {
        struct alignas(8) Pair {
            float value[2];
        };
        const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const int row = Shape::first_row() + 8 * i + lane / 4;
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const Sums4& from = sums.product[i / 2][j];
                const int column = Shape::first_column() + 8 * j + lane % 4 * 2;
                *reinterpret_cast<Pair*>(&sum[row][column]) = {
                    {from.value[i % 2 * 2], from.value[i % 2 * 2 + 1]}};
            }
        }
        __syncthreads();
    }
    /// Columns `column` .. + 3, a multiple of four.
    OBJLOC_DEVICE Float4 four(int row, int column) const {
        return *reinterpret_cast<const Float4*>(&sum[row][column]);
    }
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
