#include "objloc/kernels/cpu/ops/column_sums.h"

#include <algorithm>
#include <vector>

#include "objloc/engine/problem.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc::cpu {
namespace {

constexpr int64_t kTile = 512;    // columns summed at once: their sums stay in L1
constexpr int64_t kBlock = 64;    // rows summed in float before they go into double
constexpr int64_t kChunk = 1024;  // rows of a thread's turn
constexpr int kRows = 8;  // rows added together, so that the sums are read and written an eighth as often

// part[0..columns) += sums of rows x (rows, columns), which lie `stride` apart.
OBJLOC_SIMD void add_rows(int64_t rows, int64_t columns, int64_t stride, const float* x, float* part) {
    int64_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
        const float* at = x + r * stride;
#pragma omp simd
        for (int64_t c = 0; c < columns; ++c) {
            float sum = 0;
            for (int i = 0; i < kRows; ++i) sum += at[i * stride + c];
            part[c] += sum;
        }
    }
    for (; r < rows; ++r) {
#pragma omp simd
        for (int64_t c = 0; c < columns; ++c) part[c] += x[r * stride + c];
    }
}

inline float unclipped(float value, uint8_t code) {
    return code == kPoolClipped ? 0 : value;
}

OBJLOC_SIMD void add_coded_rows(int64_t rows, int64_t columns, int64_t stride, const float* x,
                                const uint8_t* codes, float* part) {
    int64_t r = 0;
    for (; r + kRows <= rows; r += kRows) {
        const float* at = x + r * stride;
        const uint8_t* code = codes + r * stride;
#pragma omp simd
        for (int64_t c = 0; c < columns; ++c) {
            float sum = 0;
            for (int i = 0; i < kRows; ++i) sum += unclipped(at[i * stride + c], code[i * stride + c]);
            part[c] += sum;
        }
    }
    for (; r < rows; ++r) {
#pragma omp simd
        for (int64_t c = 0; c < columns; ++c) part[c] += unclipped(x[r * stride + c], codes[r * stride + c]);
    }
}

// sums[0..columns) = sums over one chunk of rows.
void sum_chunk(int64_t rows, int64_t columns, int64_t stride, const float* x, const uint8_t* codes,
               double* sums) {
    std::fill_n(sums, columns, 0.0);
    for (int64_t begin = 0; begin < rows; begin += kBlock) {
        float part[kTile] = {};
        const int64_t count = std::min(kBlock, rows - begin), at = begin * stride;
        if (codes) {
            add_coded_rows(count, columns, stride, x + at, codes + at, part);
        } else {
            add_rows(count, columns, stride, x + at, part);
        }
        for (int64_t c = 0; c < columns; ++c) sums[c] += part[c];
    }
}

}  // namespace

void column_sums(int threads, int64_t rows, int64_t columns, const float* x, const uint8_t* codes,
                 float* sums) {
    const int64_t chunks = (rows + kChunk - 1) / kChunk, tiles = (columns + kTile - 1) / kTile;
    std::vector<double> parts(static_cast<size_t>(chunks * columns));  // (chunks, columns)
    parallel_for(threads, chunks * tiles, 1, [&](int64_t turn, int64_t) {
        const int64_t chunk = turn / tiles, first = turn % tiles * kTile;
        const int64_t begin = chunk * kChunk, at = begin * columns + first;
        sum_chunk(std::min(kChunk, rows - begin), std::min(kTile, columns - first), columns, x + at,
                  codes ? codes + at : nullptr, parts.data() + chunk * columns + first);
    });
    for (int64_t c = 0; c < columns; ++c) {
        double sum = 0;
        for (int64_t chunk = 0; chunk < chunks; ++chunk)
            sum += parts[static_cast<size_t>(chunk * columns + c)];
        sums[c] = static_cast<float>(sum);
    }
}

}  // namespace objloc::cpu
