// Compositions and their truth, as kernels/localizer/composition.h defines them. images (N, side, side, 3), truth
// (N, kMaxObjects, kTruthFields). A thread draws whole images: bytes first, with what is seen of each object, then the
// camera's part tile by tile.
#include <algorithm>
#include <vector>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/localizer/composition_camera.h"
#include "objloc/kernels/localizer/composition_plan.h"

namespace objloc {
namespace {

using Extents = ObjectExtent[kMaxObjects];

void draw_bytes(const CompositionSpec& spec, const CompositionPlan& plan, const CompositionPictures& pictures,
                std::vector<uint8_t>& bytes, Extents& extents) {
    for (ObjectExtent& extent : extents) extent = {spec.side, spec.side, 0, 0, 0};
    for (int32_t row = plan.top; row < plan.bottom; ++row) {
        for (int32_t column = plan.left; column < plan.right; ++column) {
            const CompositionPixel pixel =
                composition_pixel(plan, pictures.entries, pictures.atlas, row, column);
            std::copy_n(pixel.channel, 3, bytes.data() + 3 * (int64_t{row} * spec.side + column));
            if (pixel.object < 0) continue;
            ObjectExtent& extent = extents[pixel.object];
            extent.left = std::min(extent.left, column), extent.right = std::max(extent.right, column + 1);
            extent.top = std::min(extent.top, row), extent.bottom = std::max(extent.bottom, row + 1);
            ++extent.pixels;
        }
    }
}

/// One tile of an image: (channel, row, column).
using Tile = float[3][kTile][kTile];

void compress(const CosineTable& table, float compression, Tile& tile) {
    for (int32_t channel = 0; channel < 3; ++channel) {
        float rows[kTile][kTile], both[kTile][kTile];
        for (int32_t i = 0; i < kTile; ++i) {
            for (int32_t j = 0; j < kTile; ++j) rows[i][j] = transformed(table, tile[channel][i], 1, j);
        }
        for (int32_t i = 0; i < kTile; ++i) {
            for (int32_t j = 0; j < kTile; ++j) {
                both[i][j] = quantised(transformed(table, &rows[0][j], kTile, i), compression, channel, i, j);
            }
        }
        for (int32_t i = 0; i < kTile; ++i) {
            for (int32_t j = 0; j < kTile; ++j) rows[i][j] = transformed_back(table, &both[0][j], kTile, i);
        }
        for (int32_t i = 0; i < kTile; ++i) {
            for (int32_t j = 0; j < kTile; ++j) tile[channel][i][j] = transformed_back(table, rows[i], 1, j);
        }
    }
}

void draw_tile(const CompositionSpec& spec, const CompositionPlan& plan, const CosineTable& table,
               const std::vector<uint8_t>& bytes, int32_t top, int32_t left, float* image) {
    Tile tile = {};
    const bool compressed = plan.compression > 0;
    const int32_t rows = std::min(kTile, spec.side - top), columns = std::min(kTile, spec.side - left);
    for (int32_t i = 0; i < rows; ++i) {
        for (int32_t j = 0; j < columns; ++j) {
            const CameraPixel pixel = camera_pixel(plan, spec.side, bytes.data(), top + i, left + j);
            const CameraPixel stored = compressed ? to_luma(pixel) : pixel;
            for (int32_t c = 0; c < 3; ++c) tile[c][i][j] = stored.channel[c];
        }
    }
    if (compressed) compress(table, plan.compression, tile);
    for (int32_t i = 0; i < rows; ++i) {
        for (int32_t j = 0; j < columns; ++j) {
            const CameraPixel stored = {{tile[0][i][j], tile[1][i][j], tile[2][i][j]}};
            const CameraPixel pixel = compressed ? from_luma(stored) : stored;
            float* to = image + 3 * (int64_t{top + i} * spec.side + left + j);
            for (int32_t c = 0; c < 3; ++c) to[c] = camera_value(spec, plan, pixel, top + i, left + j, c);
        }
    }
}

}  // namespace

void CpuBackend::compose_scenes(const CompositionSpec& spec, const CompositionAssets& assets,
                                const Tensor& first_index, const Tensor& images, const Tensor& truth) {
    const CompositionPictures pictures = {assets.entries.data<PictureEntry>(), assets.atlas.data<uint8_t>()};
    const int64_t first = *first_index.data<int64_t>(), count = int64_t{spec.side} * spec.side * 3;
    const CosineTable table = cosine_table();
    cpu::parallel_for(threads_, images.shape()[0], 1, [&](int64_t n, int64_t) {
        const CompositionPlan plan = plan_composition(spec, pictures, static_cast<uint64_t>(first + n));
        std::vector<uint8_t> bytes(static_cast<size_t>(count), kBar);
        Extents extents;
        draw_bytes(spec, plan, pictures, bytes, extents);
        for (int32_t top = 0; top < spec.side; top += kTile) {
            for (int32_t left = 0; left < spec.side; left += kTile) {
                draw_tile(spec, plan, table, bytes, top, left, images.data<float>() + n * count);
            }
        }
        for (int32_t object = 0; object < kMaxObjects; ++object) {
            write_truth(plan, spec.side, object, extents[object],
                        truth.data<float>() + (n * kMaxObjects + object) * kTruthFields);
        }
    });
}

}  // namespace objloc
