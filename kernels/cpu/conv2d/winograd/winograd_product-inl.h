// The matrix product inside: C (rows, width) = or += A (rows, depth) B (depth, width), all of it near in
// cache. A block of C stays in registers while `depth` runs: with 32 registers 6 x 4 vectors, with 16
// registers 6 x 2, so that each vector of B and each broadcast element of A feeds several multiply-adds.
// Included once per instruction set.
#if defined(OBJLOC_WINOGRAD_PRODUCT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OBJLOC_WINOGRAD_PRODUCT_INL_H
#undef OBJLOC_WINOGRAD_PRODUCT_INL_H
#else
#define OBJLOC_WINOGRAD_PRODUCT_INL_H
#endif

#include <hwy/highway.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
constexpr int kPanelVectors = 4;  // 32 registers
#else
constexpr int kPanelVectors = 2;  // 16 registers
#endif

/// Rows of C in registers when it is `vectors` wide.
constexpr int block_rows(int vectors) {
    return kPanelVectors == 4 ? (vectors == 4 ? 6 : 8) : (vectors == 2 ? 6 : 12);
}

/// How A lies in memory: element (m, k) at m * stride + k, or at k * stride + m.
enum class Left { rows, columns };

/// One operand triple; B and C have `width` floats a row.
struct Product {
    const float* a;
    const float* b;
    float* c;
    int64_t a_stride, width, depth;
    bool accumulate;
};

template <int kRows, int kVectors, Left kLeft>
HWY_INLINE void multiply_block(const Product& p, int64_t row) {
    using D = HWY_FULL(float);
    using V = hn::Vec<D>;
    const D d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t a_row = kLeft == Left::rows ? p.a_stride : 1, a_step = kLeft == Left::rows ? 1 : p.a_stride;
    const float* HWY_RESTRICT a = p.a + row * a_row;
    const float* HWY_RESTRICT b = p.b;
    float* HWY_RESTRICT c = p.c + row * p.width;
    V sum[static_cast<size_t>(kRows)][static_cast<size_t>(kVectors)];
    for (int m = 0; m < kRows; ++m) {
        for (int v = 0; v < kVectors; ++v) {
            sum[m][v] = p.accumulate ? hn::Load(d, c + m * p.width + v * lanes) : hn::Zero(d);
        }
    }
    // The weights are read in one stream: each block of rows fetches its share of what comes after this part.
    const float* next = b + (p.depth * p.width + row / kRows % kVectors * lanes);
    for (int64_t k = 0; k < p.depth; ++k) {
        if constexpr (kLeft == Left::rows) {
            __builtin_prefetch(next, 0, 2);
            next += p.width;
        }
        V right[static_cast<size_t>(kVectors)];
        for (int v = 0; v < kVectors; ++v) right[v] = hn::Load(d, b + v * lanes);
        for (int m = 0; m < kRows; ++m) {
            const V left = hn::Set(d, a[m * a_row]);
            for (int v = 0; v < kVectors; ++v) sum[m][v] = hn::MulAdd(left, right[v], sum[m][v]);
        }
        a += a_step;
        b += p.width;
    }
    for (int m = 0; m < kRows; ++m) {
        for (int v = 0; v < kVectors; ++v) hn::Store(sum[m][v], d, c + m * p.width + v * lanes);
    }
}

/// The rows that are left over: `count` of them, below kRows.
template <int kRows, int kVectors, Left kLeft>
HWY_INLINE void multiply_rest(const Product& p, int64_t row, int64_t count) {
    if constexpr (kRows > 1) {
        if (count == kRows - 1) {
            multiply_block<kRows - 1, kVectors, kLeft>(p, row);
        } else {
            multiply_rest<kRows - 1, kVectors, kLeft>(p, row, count);
        }
    }
}

template <int kVectors, Left kLeft>
HWY_NOINLINE void multiply_panel(const Product& p, int64_t rows) {
    constexpr int kRows = block_rows(kVectors);
    int64_t row = 0;
    for (; row + kRows <= rows; row += kRows) multiply_block<kRows, kVectors, kLeft>(p, row);
    multiply_rest<kRows, kVectors, kLeft>(p, row, rows - row);
}

/// All of C, at most a panel wide; `width` is a multiple of the lanes.
template <Left kLeft>
HWY_INLINE void multiply(const Product& p, int64_t rows) {
    switch (p.width / static_cast<int64_t>(hn::Lanes(HWY_FULL(float)()))) {
        case 1:
            return multiply_panel<1, kLeft>(p, rows);
        case 2:
            return multiply_panel<2, kLeft>(p, rows);
        case 3:
            if constexpr (kPanelVectors == 4) multiply_panel<3, kLeft>(p, rows);
            return;
        default:
            if constexpr (kPanelVectors == 4) multiply_panel<4, kLeft>(p, rows);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#endif
