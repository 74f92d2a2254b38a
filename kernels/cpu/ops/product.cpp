// Tiles of oneDNN's sgemm on one thread each: the tiles do not depend on the number of threads, so neither do the bits,
// and one library call serves the localizer's (64, 8192) by (8192, 3), a (64, 25088) by (25088, 4096) and a batch of
// small matrices alike.
#include "objloc/kernels/cpu/ops/product.h"

#include <algorithm>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/engine/shape.h"
#include "objloc/kernels/cpu/runtime/onednn.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc::cpu {
namespace {

constexpr int64_t kTileRows = 64, kTileColumns = 256;
constexpr int64_t kGrain =
    1 << 16;  // multiply-adds that a thread takes at once, where there are many small tiles

void multiply_tile(const Product& m, int64_t matrix, int64_t row, int64_t column) {
    const int64_t stride_a = m.transpose_a ? m.rows : m.depth, stride_b = m.transpose_b ? m.depth : m.columns;
    const float* a = m.a + matrix * m.rows * m.depth + (m.transpose_a ? row : row * stride_a);
    const float* b = m.b + matrix * m.depth * m.columns + (m.transpose_b ? column * stride_b : column);
    const TeamSize alone(1);
    const auto status =
        dnnl::sgemm(m.transpose_a ? 'T' : 'N', m.transpose_b ? 'T' : 'N', std::min(kTileRows, m.rows - row),
                    std::min(kTileColumns, m.columns - column), m.depth, 1.f, a, stride_a, b, stride_b,
                    m.beta, m.c + (matrix * m.rows + row) * m.columns + column, m.columns);
    if (status == dnnl::status::success) return;
    throw Error("product " + Shape({m.rows, m.depth}).text() + " by " + Shape({m.depth, m.columns}).text(),
                "oneDNN's sgemm failed with status " + std::to_string(static_cast<int>(status)));
}

}  // namespace

void multiply(int threads, const Product& m) {
    const int64_t rows = (m.rows + kTileRows - 1) / kTileRows;
    const int64_t columns = (m.columns + kTileColumns - 1) / kTileColumns;
    const int64_t tiles = rows * columns;
    const int64_t work = std::min(kTileRows, m.rows) * std::min(kTileColumns, m.columns) * m.depth;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work));
    parallel_for(threads, m.batch * tiles, grain, [&](int64_t begin, int64_t end) {
        for (int64_t turn = begin; turn < end; ++turn) {
            const int64_t tile = turn % tiles;
            multiply_tile(m, turn / tiles, tile / columns * kTileRows, tile % columns * kTileColumns);
        }
    });
}

}  // namespace objloc::cpu
