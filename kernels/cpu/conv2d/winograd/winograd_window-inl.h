// From an image to the transformed tiles of a block: windows inside the image are read where they lie; those
// that touch its border, or come out of a pooled gradient, are first copied to a small buffer with the zeros
// put in. Included once per instruction set.
#if defined(OBJLOC_WINOGRAD_WINDOW_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OBJLOC_WINOGRAD_WINDOW_INL_H
#undef OBJLOC_WINOGRAD_WINDOW_INL_H
#else
#define OBJLOC_WINOGRAD_WINDOW_INL_H
#endif

#include "objloc/kernels/cpu/conv2d/winograd/winograd_transforms-inl.h"

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

/// The pixels of one tile's window, of some channels.
struct Window {
    const float* from;
    int64_t row_stride, column_stride;
};

/// Which window of a tile: the 6x6 inputs, or the 4x4 of its output's gradient.
enum class Side { input, gradient };
constexpr int64_t side_pixels(Side side) {
    return side == Side::input ? kWindow : kTile;
}

/// One pixel of a pooled gradient: dy where the window's maximum was this pixel, else 0.
HWY_INLINE void scatter_pixel(const Source& source, int64_t n, int64_t row, int64_t column, int64_t channel,
                              int64_t count, float* to) {
    const int64_t pooled = (n * (source.rows / 2) + row / 2) * (source.columns / 2) + column / 2;
    const float* dy = source.data + pooled * source.channels + channel;
    const uint8_t* codes = source.codes + pooled * source.channels + channel;
    const hn::RebindToSigned<Floats> di;
    const hn::Rebind<uint8_t, Floats> d8;
    const auto mine = hn::Set(di, static_cast<int32_t>(2 * (row % 2) + column % 2));
    int64_t c = 0;
    for (; c + lanes() <= count; c += lanes()) {
        const auto hit = hn::Eq(hn::PromoteTo(di, hn::LoadU(d8, codes + c)), mine);
        const Vec v = hn::LoadU(Floats(), dy + c);
        hn::Store(hn::IfThenElseZero(hn::RebindMask(Floats(), hit), v), Floats(), to + c);
    }
    for (; c < count; ++c) to[c] = codes[c] == 2 * (row % 2) + column % 2 ? dy[c] : 0.0f;
}

HWY_INLINE void copy_pixel(const Source& source, int64_t n, int64_t row, int64_t column, int64_t channel,
                           int64_t count, float* to) {
    const float* x =
        source.data + ((n * source.rows + row) * source.columns + column) * source.channels + channel;
    for (int64_t c = 0; c < count; c += lanes()) hn::Store(load_part(x + c, count - c), Floats(), to + c);
}

HWY_INLINE void zero_pixel(int64_t count, float* to) {
    for (int64_t c = 0; c < count; c += lanes()) hn::Store(hn::Zero(Floats()), Floats(), to + c);
}

/// Channels channel .. channel + count - 1 of the window at (row, column) -> staged (size, size,
/// kStagedChannels).
HWY_NOINLINE inline void stage_window(const Source& source, int64_t n, int64_t row, int64_t column,
                                      int64_t size, int64_t channel, int64_t count, float* staged) {
    // The scatter ends where the pooling did: a last odd row or column got no gradient.
    const int64_t rows = source.pooled ? source.rows / 2 * 2 : source.rows;
    const int64_t columns = source.pooled ? source.columns / 2 * 2 : source.columns;
    for (int64_t r = row; r < row + size; ++r) {
        for (int64_t c = column; c < column + size; ++c, staged += kStagedChannels) {
            if (r < 0 || r >= rows || c < 0 || c >= columns) {
                zero_pixel(count, staged);
            } else if (source.pooled) {
                if (count % lanes() != 0) zero_pixel(count, staged);  // the lanes after the last channel
                scatter_pixel(source, n, r, c, channel, count, staged);
            } else {
                copy_pixel(source, n, r, c, channel, count, staged);
            }
        }
    }
}

/// The window at (row, column) of image n; `staged` is where it may be copied to.
HWY_INLINE Window find_window(const Source& source, int64_t n, int64_t row, int64_t column, int64_t size,
                              int64_t channel, int64_t count, float* staged) {
    const bool inside =
        row >= 0 && column >= 0 && row + size <= source.rows && column + size <= source.columns;
    if (inside && !source.pooled && count % lanes() == 0) {
        const int64_t pixel = (n * source.rows + row) * source.columns + column;
        return {source.data + pixel * source.channels + channel, source.columns * source.channels,
                source.channels};
    }
    stage_window(source, n, row, column, size, channel, count, staged);
    return {staged, size * kStagedChannels, kStagedChannels};
}

/// Which part of the image becomes one block of transformed tiles.
struct BlockPart {
    int64_t first_tile, tiles, first_channel, channels;
};

/// -> to (36, part.tiles, channels rounded up to the lanes), components `stride` floats apart, padding zero.
template <Side kSide>
HWY_NOINLINE void transform_block(const Source& source, const TileGrid& grid, const BlockPart& part,
                                  float* staged, float* to, int64_t stride) {
    constexpr int64_t size = side_pixels(kSide);
    const int64_t row_floats = round_up(part.channels, lanes());
    for (int64_t t = 0; t < part.tiles; ++t, to += row_floats) {
        const TilePosition at = tile_position(grid, part.first_tile + t);
        const int64_t row = kSide == Side::input ? at.row - grid.pad_top : at.row;
        const int64_t column = kSide == Side::input ? at.column - grid.pad_left : at.column;
        for (int64_t begin = 0; begin < part.channels; begin += kStagedChannels) {
            const int64_t count = std::min(kStagedChannels, part.channels - begin);
            const Window w =
                find_window(source, at.n, row, column, size, part.first_channel + begin, count, staged);
            for (int64_t c = 0; c < count; c += lanes()) {
                if constexpr (kSide == Side::input) {
                    transform_input(w.from + c, w.row_stride, w.column_stride, to + begin + c, stride);
                } else {
                    transform_gradient(w.from + c, w.row_stride, w.column_stride, to + begin + c, stride);
                }
            }
        }
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#endif
