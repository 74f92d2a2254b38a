// A block's tile of a matrix product in fp32: sum[row, column] = sum over depth of A[row, depth] * B[depth,
// column].
//
// 256 threads make a tile of 128 rows by 64 or 128 columns, in steps of 16 along the depth. Each thread keeps
// 8 x 4 or 8 x 8 sums in registers, so that one value read from shared memory serves 4 or 8 multiplications.
// Two slices of A and B lie in shared memory: while one is multiplied, the next is on its way from global
// memory in registers, and one barrier a step suffices.
//
// Where A and B come from is the business of two "panels" (an image's patches, weights, a gradient). A panel
// has
//     fetch()        the next slice from global memory into registers
//     store(tile)    the registers into shared memory, as tile[depth][row]
// and inherits how its threads are spread from DepthVectors or RowVectors below.
//
// Determinism: each sum is taken in order of depth by one thread.
// Reference: NVIDIA CUTLASS, "Efficient GEMM in CUDA" (the hierarchy of tiles; nothing else is taken from
// it).
#pragma once

#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kGemmThreads = 256;
constexpr int kTileRows = 128;
constexpr int kTileDepth = 16;
constexpr int kPad = 4;  // keeps 16-byte alignment and spreads a transposing store over the banks

template <int kExtent>
using Slice = float[kTileDepth][extent(kExtent + kPad)];

template <int kTileColumns>
struct GemmShared {
    Slice<kTileRows> a[2];
    Slice<kTileColumns> b[2];
};

/// For panels whose memory runs along the depth: four threads cover a row's 16 values, and store()
/// transposes.
template <int kExtent>
struct DepthVectors {
    static constexpr int kCount = kExtent * kTileDepth / 4 / kGemmThreads;
    Float4 moving[extent(kCount)];

    __device__ static int row(int i) { return static_cast<int>(threadIdx.x) / 4 + i * (kGemmThreads / 4); }
    __device__ static int depth() { return static_cast<int>(threadIdx.x) % 4 * 4; }
    __device__ void store(Slice<kExtent>& tile) const {
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) tile[depth() + j][row(i)] = moving[i].lane[j];
        }
    }
};

/// For panels whose memory runs along the rows (or columns): a thread moves four of them at one depth.
template <int kExtent>
struct RowVectors {
    static constexpr int kLines = kGemmThreads / (kExtent / 4);  // depths covered at once
    static constexpr int kCount = kTileDepth / kLines;
    Float4 moving[extent(kCount)];

    __device__ static int row() { return static_cast<int>(threadIdx.x) % (kExtent / 4) * 4; }
    __device__ static int depth(int i) { return static_cast<int>(threadIdx.x) / (kExtent / 4) + i * kLines; }
    __device__ void store(Slice<kExtent>& tile) const {
#pragma unroll
        for (int i = 0; i < kCount; ++i) *reinterpret_cast<Float4*>(&tile[depth(i)][row()]) = moving[i];
    }
};

/// The sums that one thread owns: rows and columns come in runs of four, 64 apart, so that a warp's reads of
/// shared memory are 16 bytes wide and free of bank conflicts.
template <int kTileColumns>
struct ThreadTile {
    static constexpr int kRows = kTileRows / 16, kColumns = kTileColumns / 16;
    float sum[kRows][extent(kColumns)] = {};

    __device__ static int row(int i) { return i / 4 * 64 + static_cast<int>(threadIdx.x) / 16 * 4 + i % 4; }
    __device__ static int column(int j) {
        return j / 4 * 64 + static_cast<int>(threadIdx.x) % 16 * 4 + j % 4;
    }
    /// Four neighbouring columns of row `i`.
    __device__ Float4 vector(int i, int j) const {
        return {{sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]}};
    }

    __device__ void multiply(const Slice<kTileRows>& a, const Slice<kTileColumns>& b) {
#pragma unroll
        for (int depth = 0; depth < kTileDepth; ++depth) {
            float rows[kRows], columns[extent(kColumns)];
#pragma unroll
            for (int i = 0; i < kRows; i += 4) {
                const Float4 four = *reinterpret_cast<const Float4*>(&a[depth][row(i)]);
#pragma unroll
                for (int l = 0; l < 4; ++l) rows[i + l] = four.lane[l];
            }
#pragma unroll
            for (int j = 0; j < kColumns; j += 4) {
                const Float4 four = *reinterpret_cast<const Float4*>(&b[depth][column(j)]);
#pragma unroll
                for (int l = 0; l < 4; ++l) columns[j + l] = four.lane[l];
            }
#pragma unroll
            for (int i = 0; i < kRows; ++i) {
#pragma unroll
                for (int j = 0; j < kColumns; ++j) sum[i][j] += rows[i] * columns[j];
            }
        }
    }
};

/// The whole product of one block: `steps` slices of both panels.
template <int kTileColumns, typename PanelA, typename PanelB>
__device__ ThreadTile<kTileColumns> multiply_panels(PanelA& a, PanelB& b, int steps) {
    GemmShared<kTileColumns>& shared = shared_memory<GemmShared<kTileColumns>>();
    ThreadTile<kTileColumns> tile;
    a.fetch();
    b.fetch();
    a.store(shared.a[0]);
    b.store(shared.b[0]);
    __syncthreads();
    for (int step = 0; step < steps; ++step) {
        const int now = step % 2, next = 1 - now;
        const bool more = step + 1 < steps;
        if (more) {
            a.fetch();
            b.fetch();
        }
        tile.multiply(shared.a[now], shared.b[now]);
        if (more) {
            a.store(shared.a[next]);  // last read before the previous step's barrier
            b.store(shared.b[next]);
        }
        __syncthreads();
    }
    return tile;
}

/// Tiles of an (rows, columns) result, column tiles next to each other: blocks that run at the same time then
/// share their rows of A in the L2 cache.
struct TileGrid {
    int column_tiles;

    __device__ int first_row() const { return static_cast<int>(blockIdx.x) / column_tiles * kTileRows; }
    __device__ int first_column(int tile_columns) const {
        return static_cast<int>(blockIdx.x) % column_tiles * tile_columns;
    }
};

/// Wide tiles reuse more; narrow ones waste less where there are few columns.
constexpr int kNarrow = 64, kWide = 128;
inline bool wide_tiles(int64_t columns) {
    return columns > kNarrow;
}
constexpr size_t gemm_shared_bytes(int tile_columns) {
    return tile_columns == kWide ? sizeof(GemmShared<kWide>) : sizeof(GemmShared<kNarrow>);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
