// From the 36 products of a tile to pixels of the output: A^T m A, then bias, ReLU and 2x2 max-pooling, or
// the mask of the ReLU that a data gradient passes through. A 4x4 tile holds four pooling windows, so a
// pooled convolution never writes its full output. Included once per instruction set.
#if defined(OBJLOC_WINOGRAD_OUTPUT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OBJLOC_WINOGRAD_OUTPUT_INL_H
#undef OBJLOC_WINOGRAD_OUTPUT_INL_H
#else
#define OBJLOC_WINOGRAD_OUTPUT_INL_H
#endif

#include "kernels/cpu/winograd_transforms-inl.h"

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

/// max(0, v); a NaN stays one, so that a run that diverges is noticed.
HWY_INLINE Vec clip(Vec v) {
    return hn::Max(hn::Zero(Floats()), v);
}

/// Writes the 2x2 windows of a tile that are whole.
HWY_INLINE void store_pooled(const Sink& sink, const TileGrid& grid, const TilePosition& at, int64_t channel,
                             const Vec (&y)[4][4]) {
    const Floats d;
    const hn::RebindToSigned<Floats> di;
    const hn::Rebind<uint8_t, Floats> d8;
    const int64_t count = std::min(lanes(), sink.channels - channel);
    for (int i = 0; i < 4; i += 2) {
        for (int j = 0; j < 4; j += 2) {
            if (at.row + i + 2 > grid.rows || at.column + j + 2 > grid.columns) continue;
            Vec best = y[i][j], code = hn::Zero(d);
            for (int other = 1; other < 4; ++other) {
                const Vec v = y[i + other / 2][j + other % 2];
                const auto greater = hn::Gt(v, best);
                best = hn::IfThenElse(greater, v, best);
                code = hn::IfThenElse(greater, constant(static_cast<float>(other)), code);
            }
            if (sink.relu) {
                code = hn::IfThenElse(hn::Le(best, hn::Zero(d)), constant(static_cast<float>(kPoolClipped)),
                                      code);
                best = clip(best);
            }
            const int64_t pooled_row = (at.row + i) / 2, pooled_column = (at.column + j) / 2;
            const int64_t pixel = (at.n * (grid.rows / 2) + pooled_row) * (grid.columns / 2) + pooled_column;
            store_part(best, sink.data + pixel * sink.channels + channel, count);
            HWY_ALIGN uint8_t bytes[HWY_MAX_BYTES / sizeof(float)];
            hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, code)), d8, bytes);
            std::memcpy(sink.codes + pixel * sink.channels + channel, bytes, static_cast<size_t>(count));
        }
    }
}

/// Writes the pixels of a tile that lie inside the image.
HWY_INLINE void store_pixels(const Sink& sink, const TileGrid& grid, const TilePosition& at, int64_t channel,
                             const Vec (&y)[4][4]) {
    const int64_t count = std::min(lanes(), sink.channels - channel);
    const int64_t rows = std::min(kTile, grid.rows - at.row),
                  columns = std::min(kTile, grid.columns - at.column);
    for (int i = 0; i < 4; ++i) {
        if (i >= rows) break;
        const int64_t first =
            ((at.n * grid.rows + at.row + i) * grid.columns + at.column) * sink.channels + channel;
        for (int j = 0; j < 4; ++j) {
            if (j >= columns) break;
            const int64_t at_pixel = first + j * sink.channels;
            Vec v = y[i][j];
            if (sink.relu) v = clip(v);
            if (sink.relu_source) {
                const Vec source = load_part(sink.relu_source + at_pixel, count);
                v = hn::IfThenElseZero(hn::Gt(source, hn::Zero(Floats())), v);
            }
            store_part(v, sink.data + at_pixel, count);
        }
    }
}

/// The products of a block, (36, tiles, width) with components `stride` floats apart -> channels
/// first_channel .. first_channel + width - 1 of the output.
HWY_NOINLINE inline void store_block(const Sink& sink, const TileGrid& grid, int64_t first_tile,
                                     int64_t tiles, int64_t first_channel, int64_t width, const float* from,
                                     int64_t stride) {
    const int64_t channels = std::min(width, sink.channels - first_channel);
    for (int64_t t = 0; t < tiles; ++t, from += width) {
        const TilePosition at = tile_position(grid, first_tile + t);
        for (int64_t c = 0; c < channels; c += lanes()) {
            Vec y[4][4];
            transform_output(from + c, stride, y);
            if (sink.bias) {
                const Vec bias = load_part(sink.bias + first_channel + c, channels - c);
                for (auto& row : y) {
                    for (Vec& v : row) v = hn::Add(v, bias);
                }
            }
            if (sink.pooled) {
                store_pooled(sink, grid, at, first_channel + c, y);
            } else {
                store_pixels(sink, grid, at, first_channel + c, y);
            }
        }
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#endif
