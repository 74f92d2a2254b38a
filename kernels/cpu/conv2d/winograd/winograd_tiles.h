// How one Winograd pass is cut into tiles, and where a tile's numbers lie. Plain structs, no SIMD: shared by
// the drivers (winograd_*.cpp) and by the code that Highway compiles once per instruction set
// (winograd_*-inl.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "objloc/engine/problem.h"

namespace objloc::winograd {

inline constexpr int64_t kTile = 4;    // output rows and columns of a tile
inline constexpr int64_t kWindow = 6;  // input rows and columns of a tile
inline constexpr int64_t kComponents = kWindow * kWindow;
inline constexpr int64_t kStagedChannels = 64;  // channels that are copied at a time: 36 x 64 floats fit L1
inline constexpr int64_t kSkew = 16;            // floats between components, see `component_stride`

inline constexpr int64_t kMaxPanel = 64;  // floats, of all instruction sets

inline int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}
inline int64_t round_up(int64_t a, int64_t b) {
    return divide_up(a, b) * b;
}

/// An image that tiles are read from. If `pooled` it is a pooled gradient: `data` and `codes` are
/// (N, rows / 2, columns / 2, channels), and the image read is their scatter to (N, rows, columns, channels).
struct Source {
    const float* data = nullptr;
    const uint8_t* codes = nullptr;
    bool pooled = false;
    int64_t rows = 0, columns = 0, channels = 0;
};

/// Where a pass writes: (N, rows, columns, channels), or if `pooled` (N, rows / 2, columns / 2, channels),
/// with codes.
struct Sink {
    float* data = nullptr;
    uint8_t* codes = nullptr;
    bool pooled = false;
    int64_t channels = 0;
    const float* bias = nullptr;         // (channels) or null
    const float* relu_source = nullptr;  // data's shape, or null: zero is written where it is not positive
    bool relu = false;
    bool streamed = false;  // written past the caches; all vectors must be whole and aligned
};

/// The output (N, rows, columns) of one pass, cut into 4x4 tiles, numbered row by row, image by image. The
/// input window of a tile begins `pad_top` above and `pad_left` left of its first output.
struct TileGrid {
    int64_t N = 0, rows = 0, columns = 0, pad_top = 0, pad_left = 0;

    int64_t tile_rows() const { return divide_up(rows, kTile); }
    int64_t tile_columns() const { return divide_up(columns, kTile); }
    int64_t tiles() const { return N * tile_rows() * tile_columns(); }
};

/// One tile: its image and its first output pixel.
struct TilePosition {
    int64_t n, row, column;
};

inline TilePosition tile_position(const TileGrid& grid, int64_t tile) {
    const int64_t strip = tile / grid.tile_columns();
    return {strip / grid.tile_rows(), strip % grid.tile_rows() * kTile, tile % grid.tile_columns() * kTile};
}

/// Floats between two components of a block of `rows` x `columns`. A power of two would put all 36 stores of
/// a transform into one set of the L1 cache, so the blocks are skewed by one cache line.
inline int64_t component_stride(int64_t rows, int64_t columns) {
    return round_up(rows * columns, 16) + kSkew;
}

/// What the best instruction set of this processor prefers.
struct SimdShape {
    int64_t lanes;  // floats in a vector
    int64_t panel;  // columns of the right-hand matrix that one micro-kernel works on
};

}  // namespace objloc::winograd
