// What the two passes of a network's first convolution share: few channels (an image has 3), so that 16 bytes
// of them do not lie under one tap and the kernels of conv2d_mma.cuh cannot serve. Its values under a kernel,
// R * S * C, are 32 at most: the whole depth of the forward product, the whole height of the weight
// gradient's. The stride is 1.
//
//     span    16 pixels of a row by 128 bytes of filters (64 of bf16, 32 of f32): what a warp multiplies at
//             once and what it reads or writes of y, 2 KB
//     strip   8 warps stand over an image, 1 to 8 of them side by side, and each takes 4 spans, the
//             neighbouring rows of warps in turn; VGG16's is 128 pixels by 4 rows
//     block   some consecutive strips, as many as any other block
//
// The part of x under a strip, its patch, is copied to shared memory while the strip before is multiplied.
// There is no slice of x that would serve as an operand as it is, since neighbouring pixels share most of
// what lies under them: the lanes gather their fragments from the patch, 16 values a span each. What a warp
// reads at once lies in two neighbouring rows at most, and those begin 16 banks of the 32 apart (or 48, ...):
// with 3 channels in bf16, no bank is met twice, and in f32 seldom.
#pragma once

#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "objloc/kernels/cuda/primitives/mma_tile.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Blocks that share the pixels, at most: two for each multiprocessor of an H200. A constant, so that sums do
/// not depend on the GPU; tests take fewer.
constexpr int kFirstLayerBlocks = 264;

void conv2d_forward_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                const Tensor& w, const Tensor& bias, const Tensor& y,
                                int most_blocks = kFirstLayerBlocks);
void conv2d_backward_weights_first_layer(CudaBackend& backend, const Conv2dProblem& problem, const Tensor& x,
                                         const Conv2dGradient& gradient, const Tensor& dw,
                                         int most_blocks = kFirstLayerBlocks);

constexpr int kFirstTaps = 32;
constexpr int kFirstWarps = 8, kFirstThreads = 32 * kFirstWarps;
constexpr int kSpan = 16;       // pixels
constexpr int kStripSpans = 4;  // a warp's share of a strip

/// An element as it lies in memory: gathering moves it, only the tensor cores know what it is worth.
template <typename Operand>
using Bits = std::conditional_t<std::is_same_v<Operand, Bf16>, uint16_t, uint32_t>;

/// Filters of a span, and the tiles of 8 that they make.
template <typename Operand>
constexpr int kSpanFilters = 8 * kPiece<Operand>;
template <typename Operand>
constexpr int kSpanTiles = kSpanFilters<Operand> / 8;

// ---- Sizes -----------------------------------------------------------------------------------------------

/// The problem with its strips and their patches.
template <typename Operand>
struct StripSizes : ConvSizes {
    int side_by_side;                   // warps
    int strip_rows, strip_columns;      // of pixels
    int patch_rows, row_pieces, pitch;  // of a patch; a row's pieces of 16 bytes, elements from row to row
    int shift;                          // elements before the first of a row, so that pieces are aligned in x
    int strips, strips_per_block;
    bool whole_pieces;  // a row of x is a whole number of pieces

    StripSizes(const Conv2dProblem& problem, int most_blocks) : ConvSizes(problem) {
        constexpr int kElements = kPiece<Operand>;
        side_by_side = 1;
        while (side_by_side < kFirstWarps && side_by_side * kSpan < Q) side_by_side *= 2;
        strip_rows = kFirstWarps / side_by_side * kStripSpans;
        strip_columns = side_by_side * kSpan;
        patch_rows = strip_rows - 1 + R;
        shift = (kElements - pad_left * C % kElements) % kElements;
        const int row = shift + (strip_columns - 1 + S) * C;
        row_pieces = (row + kElements - 1) / kElements;
        pitch = ((row_pieces + 3) / 8 * 8 + 4) * kElements;  // 64 bytes more than a multiple of 128
        strips = to_int32(int64_t{N} * ceil_div(P, strip_rows) * ceil_div(Q, strip_columns), "strips");
        strips_per_block = static_cast<int>(ceil_div(strips, most_blocks));
        whole_pieces = W * C % kElements == 0;
    }

    int blocks() const { return static_cast<int>(ceil_div(strips, strips_per_block)); }
    /// Two patches: one is multiplied while the next one comes.
    size_t patch_bytes() const { return 2 * sizeof(Bits<Operand>) * extent(patch_rows) * extent(pitch); }
    OBJLOC_DEVICE int patch_elements() const { return patch_rows * pitch; }
};

/// A strip's first pixel. Strips follow one another along the row, down the image and from image to image.
struct Strip {
    int n, row, column;

    template <typename Sizes>
    OBJLOC_DEVICE Strip(const Sizes& sizes, int number) {
        const int columns = (sizes.Q + sizes.strip_columns - 1) / sizes.strip_columns;
        const int rows = (sizes.P + sizes.strip_rows - 1) / sizes.strip_rows;
        n = number / (rows * columns);
        const int within = number - n * rows * columns;
        row = within / columns * sizes.strip_rows;
        column = within % columns * sizes.strip_columns;
    }

    template <typename Sizes>
    OBJLOC_DEVICE void advance(const Sizes& sizes) {
        column += sizes.strip_columns;
        if (column < sizes.Q) return;
        column = 0;
        row += sizes.strip_rows;
        if (row < sizes.P) return;
        row = 0;
        ++n;
    }
};

/// Where a warp stands in a strip: its first span; the next ones follow `rows` below each other.
struct WarpPlace {
    int row, column, rows;

    template <typename Sizes>
    OBJLOC_DEVICE explicit WarpPlace(const Sizes& sizes) {
        const int warp = static_cast<int>(threadIdx.x) / 32;
        row = warp / sizes.side_by_side;
        column = warp % sizes.side_by_side * kSpan;
        rows = kFirstWarps / sizes.side_by_side;
    }
    /// Elements from the beginning of a patch to what lies under the first span's first pixel at tap (0, 0).
    template <typename Sizes>
    OBJLOC_DEVICE int offset(const Sizes& sizes) const {
        return sizes.shift + row * sizes.pitch + column * sizes.C;
    }
};

// ---- Patches ---------------------------------------------------------------------------------------------

/// Starts to bring what lies under a strip: cp.async, where a row of x is whole pieces, so that a piece
/// lies either inside of a row or outside; else element by element.
template <typename Operand>
OBJLOC_DEVICE void bring_patch(const StripSizes<Operand>& sizes, const Strip& strip, const Bits<Operand>* x,
                               Bits<Operand>* patch) {
    constexpr int kElements = kPiece<Operand>;
    constexpr int kLanes = 64;  // side by side: a row of VGG16's patch in bf16 is 50 pieces
    const int line = sizes.W * sizes.C;
    const int top = strip.row - sizes.pad_top;
    const int left = (strip.column - sizes.pad_left) * sizes.C - sizes.shift;
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll 1
    for (int r = static_cast<int>(threadIdx.x) / kLanes; r < sizes.patch_rows; r += kFirstThreads / kLanes) {
        const int h = top + r;
        const bool row_inside = h >= 0 && h < sizes.H;
        const Bits<Operand>* from = x + (int64_t{strip.n} * sizes.H + (row_inside ? h : 0)) * line;
        Bits<Operand>* to = patch + r * sizes.pitch;
        if (sizes.whole_pieces) {
#pragma unroll 1
            for (int i = lane * kElements; i < sizes.row_pieces * kElements; i += kLanes * kElements) {
                const int at = left + i;
                const bool inside = row_inside && at >= 0 && at < line;
                cp_async_16(to + i, inside ? from + at : x, inside ? kPieceBytes : 0);
            }
        } else {
#pragma unroll 1
            for (int i = lane; i < sizes.row_pieces * kElements; i += kLanes) {
                const int at = left + i;
                to[i] = row_inside && at >= 0 && at < line ? from[at] : Bits<Operand>{0};
            }
        }
    }
}

/// Elements from what lies under a pixel's tap (0, 0) to what lies under the one at `depth`; none where there
/// is no such tap.
template <typename Operand>
OBJLOC_DEVICE int depth_offset(const StripSizes<Operand>& sizes, int depth) {
    if (depth >= sizes.taps) return 0;
    const Tap tap = tap_at(depth, sizes.S, sizes.C);
    return tap.r * sizes.pitch + tap.s * sizes.C + tap.channel;
}

// ---- Fragments -------------------------------------------------------------------------------------------

/// The places along a product's depth that a lane brings, in the order of its words: place number i lies
/// `depth_step` after its first. 16-bit operands come in pairs, 8 places apart; 32-bit ones 4 apart.
template <typename Operand>
OBJLOC_DEVICE int first_depth() {
    const int member = static_cast<int>(threadIdx.x) % 4;
    return std::is_same_v<Operand, Bf16> ? 2 * member : member;
}
template <typename Operand>
OBJLOC_DEVICE constexpr int depth_step(int i) {
    return std::is_same_v<Operand, Bf16> ? i / 2 * 8 + i % 2 : 4 * i;
}

/// A lane's elements of one row (or column), kCount of them along the depth, as the tensor cores take them.
/// Product number p takes words 2 p and 2 p + 1 of each row.
template <typename Operand, int kCount>
struct LaneWords {
    static constexpr int kPerWord = std::is_same_v<Operand, Bf16> ? 2 : 1;
    static constexpr int kProducts = kCount / kPerWord / 2;
    uint32_t word[extent(kCount / kPerWord)];

    OBJLOC_DEVICE explicit LaneWords(const Bits<Operand> (&element)[extent(kCount)]) {
#pragma unroll
        for (int i = 0; i < kCount / kPerWord; ++i) {
            if constexpr (kPerWord == 2) {
                word[i] = element[2 * i] | uint32_t{element[2 * i + 1]} << 16;
            } else {
                word[i] = to_tf32(__uint_as_float(element[i]));
            }
        }
    }
    OBJLOC_DEVICE FragmentB columns8(int product) const {
        return {{word[2 * product], word[2 * product + 1]}};
    }
};

/// Rows `group` and group + 8.
template <typename Words>
OBJLOC_DEVICE FragmentA rows16(const Words& upper, const Words& lower, int product) {
    return {{upper.word[2 * product], lower.word[2 * product], upper.word[2 * product + 1],
             lower.word[2 * product + 1]}};
}

// ---- Launching -------------------------------------------------------------------------------------------

/// A tensor's elements as they lie in memory.
template <typename Operand>
Bits<Operand>* bits(const Tensor& tensor) {
    return reinterpret_cast<Bits<Operand>*>(tensor.data<typename Operand::Element>());
}

/// Blocks along x share the strips, blocks along y the filters.
template <typename Operand>
dim3 first_blocks(const StripSizes<Operand>& sizes) {
    return dim3(static_cast<unsigned>(sizes.blocks()),
                static_cast<unsigned>(ceil_div(sizes.K, kSpanFilters<Operand>)));
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
