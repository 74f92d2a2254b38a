// From the 36 products of a tile to pixels of the output: A^T m A, then bias, ReLU and 2x2 max-pooling, or
// the mask of the ReLU that a data gradient passes through. A 4x4 tile holds four pooling windows, so a
// pooled convolution never writes its full output. Included once per instruction set.
#if defined(OBJLOC_WINOGRAD_OUTPUT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OBJLOC_WINOGRAD_OUTPUT_INL_H
#undef OBJLOC_WINOGRAD_OUTPUT_INL_H
#else
#define OBJLOC_WINOGRAD_OUTPUT_INL_H
#endif

#include <hwy/cache_control.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_transforms-inl.h"

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

/// Writes a vector round the caches if `sink.streamed`: a large image is not read again before they are full
/// of other things, and a line that is not fetched before it is overwritten halves the traffic.
HWY_INLINE void store_output(const Sink& sink, Vec v, float* to, int64_t count) {
    if (sink.streamed) {
        hn::Stream(v, Floats(), to);
    } else {
        store_part(v, to, count);
    }
}

/// max(0, v); a NaN stays one, so that a run that diverges is noticed.
HWY_INLINE Vec clip(Vec v) {
    return hn::Max(hn::Zero(Floats()), v);
}

/// One vector of channels of a tile, its columns transformed.
struct HalfTile {
    TilePosition at;
    int64_t channel, count;  // the first channel, and how many are inside the image
    Vec bias;
    Vec lines[4][6];
};

HWY_INLINE void finish_line(const HalfTile& tile, int64_t i, Vec (&y)[4]) {
    output_line(tile.lines[i], y);
    for (Vec& v : y) v = hn::Add(v, tile.bias);
}

/// One 2x2 window, in row-major order: its maximum and the code of where it was.
HWY_INLINE void pool_window(bool relu, const Vec (&window)[4], Vec& best, Vec& code) {
    best = window[0], code = hn::Zero(Floats());
    for (int i = 1; i < 4; ++i) {
        const auto greater = hn::Gt(window[i], best);
        best = hn::IfThenElse(greater, window[i], best);
        code = hn::IfThenElse(greater, constant(static_cast<float>(i)), code);
    }
    if (relu) {
        const auto clipped = hn::Le(best, hn::Zero(Floats()));
        code = hn::IfThenElse(clipped, constant(static_cast<float>(kPoolClipped)), code);
        best = clip(best);
    }
}

HWY_INLINE void store_codes(Vec code, uint8_t* to, int64_t count) {
    const hn::RebindToSigned<Floats> di;
    const hn::Rebind<uint8_t, Floats> d8;
    const auto narrow = hn::DemoteTo(d8, hn::ConvertTo(di, code));
    if (count >= lanes()) {
        hn::StoreU(narrow, d8, to);
    } else {
        HWY_ALIGN uint8_t part[HWY_MAX_BYTES / sizeof(float)];
        hn::StoreU(narrow, d8, part);
        std::memcpy(to, part, static_cast<size_t>(count));
    }
}

/// Writes the 2x2 windows of a tile that are whole.
HWY_INLINE void store_pooled(const Sink& sink, const TileGrid& grid, const HalfTile& tile) {
    const TilePosition& at = tile.at;
    OBJLOC_KEEP_LOOP
    for (int i = 0; i < 4; i += 2) {
        if (at.row + i + 2 > grid.rows) break;
        Vec top[4], bottom[4];
        finish_line(tile, i, top);
        finish_line(tile, i + 1, bottom);
        const int64_t row = at.n * (grid.rows / 2) + (at.row + i) / 2;
        const int64_t first = (row * (grid.columns / 2) + at.column / 2) * sink.channels + tile.channel;
        for (int j = 0; j < 4; j += 2) {
            if (at.column + j + 2 > grid.columns) break;
            const Vec window[4] = {top[j], top[j + 1], bottom[j], bottom[j + 1]};
            Vec best, code;
            pool_window(sink.relu, window, best, code);
            store_output(sink, best, sink.data + first + j / 2 * sink.channels, tile.count);
            store_codes(code, sink.codes + first + j / 2 * sink.channels, tile.count);
        }
    }
}

/// One line of a tile; `columns` of it lie inside the image.
HWY_INLINE void store_line(const Sink& sink, Vec (&y)[4], int64_t first, int64_t columns, int64_t count) {
    for (int j = 0; j < 4; ++j) {
        if (j >= columns) break;
        const int64_t pixel = first + j * sink.channels;
        if (sink.relu) y[j] = clip(y[j]);
        if (sink.relu_source) {
            hwy::Prefetch(sink.relu_source + pixel + kTilesAhead * kTile * sink.channels);
            const auto positive = hn::Gt(load_part(sink.relu_source + pixel, count), hn::Zero(Floats()));
            y[j] = hn::IfThenElseZero(positive, y[j]);
        }
        store_output(sink, y[j], sink.data + pixel, count);
    }
}

/// Writes the pixels of a tile that lie inside the image.
HWY_INLINE void store_pixels(const Sink& sink, const TileGrid& grid, const HalfTile& tile) {
    const TilePosition& at = tile.at;
    const int64_t rows = std::min(kTile, grid.rows - at.row),
                  columns = std::min(kTile, grid.columns - at.column);
    OBJLOC_KEEP_LOOP
    for (int64_t i = 0; i < rows; ++i) {
        Vec y[4];
        finish_line(tile, i, y);
        const int64_t pixel = (at.n * grid.rows + at.row + i) * grid.columns + at.column;
        const int64_t first = pixel * sink.channels + tile.channel;
        if (columns == kTile && tile.count >= lanes()) {
            store_line(sink, y, first, kTile, lanes());  // the usual case, free of all tests
        } else {
            store_line(sink, y, first, columns, tile.count);
        }
    }
}

/// The products of a block, (36, tiles, width) with components `stride` floats apart -> channels
/// first_channel .. first_channel + width - 1 of the output.
HWY_NOINLINE inline void store_block(const Sink& sink, const TileGrid& grid, int64_t first_tile,
                                     int64_t tiles, int64_t first_channel, int64_t width, const float* from,
                                     int64_t stride) {
    const int64_t channels = std::min(width, sink.channels - first_channel);
    HalfTile tile;
    for (int64_t t = 0; t < tiles; ++t, from += width) {
        tile.at = tile_position(grid, first_tile + t);
        for (int64_t c = 0; c < channels; c += lanes()) {
            tile.channel = first_channel + c;
            tile.count = std::min(lanes(), channels - c);
            tile.bias = sink.bias ? load_part(sink.bias + tile.channel, tile.count) : hn::Zero(Floats());
            transform_output_columns(from + c, stride, tile.lines);
            if (sink.pooled) {
                store_pooled(sink, grid, tile);
            } else {
                store_pixels(sink, grid, tile);
            }
        }
    }
    if (sink.streamed) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#endif
