// The four small transforms of F(4x4, 3x3), on vectors of channels: one vector holds the same element of as
// many channels as it has lanes. Included once per instruction set.
//
// With interpolation points 0, +-a, +-b and infinity (Toom-Cook), rows in that order:
//   B^T: coefficients of the product of (x - p) over the other finite points (all of them, for infinity)
//   A^T: column p is (1, p, p^2, p^3); for infinity (0, 0, 0, 1)
//   G:   row p is (1, p, p^2) / product of (p - q) over the other finite points q; for infinity (0, 0, 1)
// The pairs +-a, +-b share their even and odd parts, so each line costs 10 to 13 instructions.
#if defined(OBJLOC_WINOGRAD_TRANSFORMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef OBJLOC_WINOGRAD_TRANSFORMS_INL_H
#undef OBJLOC_WINOGRAD_TRANSFORMS_INL_H
#else
#define OBJLOC_WINOGRAD_TRANSFORMS_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstring>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

// Loops over the lines of a tile stay loops: unrolled, GCC computes all 36 addresses ahead and runs out of
// registers.
#undef OBJLOC_KEEP_LOOP
#if HWY_COMPILER_GCC_ACTUAL
#define OBJLOC_KEEP_LOOP _Pragma("GCC unroll 1")
#else
#define OBJLOC_KEEP_LOOP
#endif

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = HWY_FULL(float);
using Vec = hn::Vec<Floats>;

// a = 5/8, b = 3/2 are exact in binary, and err less than the textbook's 1 and 2 because their powers stay
// closer to 1.
constexpr float kA = 0.625f, kA2 = kA * kA, kA3 = kA2 * kA;
constexpr float kB = 1.5f, kB2 = kB * kB, kB3 = kB2 * kB;

// Images are fetched so many tiles ahead of their use: processors do not see a pattern in windows. The first
// two rows and columns of a 6x6 window belong to its neighbours, which fetched them.
constexpr int64_t kTilesAhead = 2;

HWY_INLINE int64_t lanes() {
    return static_cast<int64_t>(hn::Lanes(Floats()));
}
HWY_INLINE Vec constant(float value) {
    return hn::Set(Floats(), value);
}

/// The first `count` lanes of a vector; the others are zero.
HWY_INLINE Vec load_part(const float* from, int64_t count) {
    if (count >= lanes()) return hn::LoadU(Floats(), from);
    HWY_ALIGN float part[HWY_MAX_BYTES / sizeof(float)] = {};
    std::memcpy(part, from, static_cast<size_t>(count) * sizeof(float));
    return hn::Load(Floats(), part);
}

HWY_INLINE void store_part(Vec v, float* to, int64_t count) {
    if (count >= lanes()) {
        hn::StoreU(v, Floats(), to);
    } else {
        HWY_ALIGN float part[HWY_MAX_BYTES / sizeof(float)];
        hn::Store(v, Floats(), part);
        std::memcpy(to, part, static_cast<size_t>(count) * sizeof(float));
    }
}

/// m = B^T v
HWY_INLINE void input_line(const Vec (&v)[6], Vec (&m)[6]) {
    const Vec sum = constant(kA2 + kB2), product = constant(kA2 * kB2);
    const Vec even_a = hn::NegMulAdd(constant(kB2), v[2], v[4]),
              odd_a = hn::NegMulAdd(constant(kB2), v[1], v[3]);
    const Vec even_b = hn::NegMulAdd(constant(kA2), v[2], v[4]),
              odd_b = hn::NegMulAdd(constant(kA2), v[1], v[3]);
    m[0] = hn::MulAdd(product, v[0], hn::NegMulAdd(sum, v[2], v[4]));
    m[5] = hn::MulAdd(product, v[1], hn::NegMulAdd(sum, v[3], v[5]));
    m[1] = hn::MulAdd(constant(kA), odd_a, even_a);
    m[2] = hn::NegMulAdd(constant(kA), odd_a, even_a);
    m[3] = hn::MulAdd(constant(kB), odd_b, even_b);
    m[4] = hn::NegMulAdd(constant(kB), odd_b, even_b);
}

/// y = A^T m
HWY_INLINE void output_line(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec even_a = hn::Add(m[1], m[2]), odd_a = hn::Sub(m[1], m[2]);
    const Vec even_b = hn::Add(m[3], m[4]), odd_b = hn::Sub(m[3], m[4]);
    y[0] = hn::Add(m[0], hn::Add(even_a, even_b));
    y[1] = hn::MulAdd(constant(kA), odd_a, hn::Mul(constant(kB), odd_b));
    y[2] = hn::MulAdd(constant(kA2), even_a, hn::Mul(constant(kB2), even_b));
    y[3] = hn::MulAdd(constant(kA3), odd_a, hn::MulAdd(constant(kB3), odd_b, m[5]));
}

/// m = A y
HWY_INLINE void gradient_line(const Vec (&y)[4], Vec (&m)[6]) {
    const Vec even_a = hn::MulAdd(constant(kA2), y[2], y[0]), even_b = hn::MulAdd(constant(kB2), y[2], y[0]);
    const Vec odd_a = hn::MulAdd(constant(kA2), y[3], y[1]), odd_b = hn::MulAdd(constant(kB2), y[3], y[1]);
    m[0] = y[0];
    m[1] = hn::MulAdd(constant(kA), odd_a, even_a);
    m[2] = hn::NegMulAdd(constant(kA), odd_a, even_a);
    m[3] = hn::MulAdd(constant(kB), odd_b, even_b);
    m[4] = hn::NegMulAdd(constant(kB), odd_b, even_b);
    m[5] = y[3];
}

constexpr float kScale0 = 1 / (kA2 * kB2);
constexpr float kScaleA = 1 / (2 * kA2 * (kA2 - kB2)), kScaleB = 1 / (2 * kB2 * (kB2 - kA2));

/// u = G g
HWY_INLINE void weight_line(const Vec (&g)[3], Vec (&u)[6]) {
    const Vec even_a = hn::MulAdd(constant(kA2), g[2], g[0]), even_b = hn::MulAdd(constant(kB2), g[2], g[0]);
    u[0] = hn::Mul(constant(kScale0), g[0]);
    u[1] = hn::Mul(constant(kScaleA), hn::MulAdd(constant(kA), g[1], even_a));
    u[2] = hn::Mul(constant(kScaleA), hn::NegMulAdd(constant(kA), g[1], even_a));
    u[3] = hn::Mul(constant(kScaleB), hn::MulAdd(constant(kB), g[1], even_b));
    u[4] = hn::Mul(constant(kScaleB), hn::NegMulAdd(constant(kB), g[1], even_b));
    u[5] = g[2];
}

/// g = G^T u
HWY_INLINE void weight_gradient_line(const Vec (&u)[6], Vec (&g)[3]) {
    const Vec even_a = hn::Mul(constant(kScaleA), hn::Add(u[1], u[2]));
    const Vec even_b = hn::Mul(constant(kScaleB), hn::Add(u[3], u[4]));
    const Vec odd_a = hn::Mul(constant(kScaleA * kA), hn::Sub(u[1], u[2]));
    const Vec odd_b = hn::Mul(constant(kScaleB * kB), hn::Sub(u[3], u[4]));
    g[0] = hn::MulAdd(constant(kScale0), u[0], hn::Add(even_a, even_b));
    g[1] = hn::Add(odd_a, odd_b);
    g[2] = hn::MulAdd(constant(kA2), even_a, hn::MulAdd(constant(kB2), even_b, u[5]));
}

/// One vector of channels of a 6x6 window -> its 36 components, `stride` floats apart.
HWY_INLINE void transform_input(const float* from, int64_t row_stride, int64_t column_stride, float* to,
                                int64_t stride) {
    const Floats d;
    Vec half[6][6];
    OBJLOC_KEEP_LOOP
    for (int j = 0; j < 6; ++j, from += column_stride) {
        Vec v[6], m[6];
        if (j >= 2) {
            for (int i = 2; i < 6; ++i)
                hwy::Prefetch(from + i * row_stride + kTilesAhead * kTile * column_stride);
        }
        for (int i = 0; i < 6; ++i) v[i] = hn::LoadU(d, from + i * row_stride);
        input_line(v, m);
        for (int i = 0; i < 6; ++i) half[i][j] = m[i];
    }
    OBJLOC_KEEP_LOOP
    for (int i = 0; i < 6; ++i, to += 6 * stride) {
        Vec m[6];
        input_line(half[i], m);
        for (int j = 0; j < 6; ++j) hn::Store(m[j], d, to + j * stride);
    }
}

/// One vector of channels of a 4x4 tile of dy -> its 36 components.
HWY_INLINE void transform_gradient(const float* from, int64_t row_stride, int64_t column_stride, float* to,
                                   int64_t stride) {
    const Floats d;
    Vec half[6][4];
    OBJLOC_KEEP_LOOP
    for (int j = 0; j < 4; ++j, from += column_stride) {
        Vec y[4], m[6];
        for (int i = 0; i < 4; ++i)
            hwy::Prefetch(from + i * row_stride + kTilesAhead * kTile * column_stride);
        for (int i = 0; i < 4; ++i) y[i] = hn::LoadU(d, from + i * row_stride);
        gradient_line(y, m);
        for (int i = 0; i < 6; ++i) half[i][j] = m[i];
    }
    OBJLOC_KEEP_LOOP
    for (int i = 0; i < 6; ++i, to += 6 * stride) {
        Vec m[6];
        gradient_line(half[i], m);
        for (int j = 0; j < 6; ++j) hn::Store(m[j], d, to + j * stride);
    }
}

/// One vector of channels of the 36 components of a tile -> half of its output transform: `output_line` of
/// row i gives the four outputs of that row.
HWY_INLINE void transform_output_columns(const float* from, int64_t stride, Vec (&half)[4][6]) {
    const Floats d;
    OBJLOC_KEEP_LOOP
    for (int j = 0; j < 6; ++j, from += stride) {
        Vec m[6], column[4];
        for (int i = 0; i < 6; ++i) m[i] = hn::Load(d, from + i * 6 * stride);
        output_line(m, column);
        for (int i = 0; i < 4; ++i) half[i][j] = column[i];
    }
}

/// One vector of filters of a 3x3 kernel, its elements `from_stride` floats apart -> its 36 components.
HWY_INLINE void transform_weights(const float* from, int64_t from_stride, float* to, int64_t stride) {
    const Floats d;
    Vec half[6][3];
    for (int j = 0; j < 3; ++j) {
        Vec g[3], u[6];
        for (int i = 0; i < 3; ++i) g[i] = hn::Load(d, from + (i * 3 + j) * from_stride);
        weight_line(g, u);
        for (int i = 0; i < 6; ++i) half[i][j] = u[i];
    }
    for (int i = 0; i < 6; ++i) {
        Vec u[6];
        weight_line(half[i], u);
        for (int j = 0; j < 6; ++j) hn::Store(u[j], d, to + (i * 6 + j) * stride);
    }
}

/// One vector of filters of the 36 summed components -> the 3x3 gradient.
HWY_INLINE void transform_weight_gradient(const float* from, int64_t stride, Vec (&g)[3][3]) {
    const Floats d;
    Vec half[3][6];
    for (int j = 0; j < 6; ++j) {
        Vec u[6], column[3];
        for (int i = 0; i < 6; ++i) u[i] = hn::Load(d, from + (i * 6 + j) * stride);
        weight_gradient_line(u, column);
        for (int i = 0; i < 3; ++i) half[i][j] = column[i];
    }
    for (int i = 0; i < 3; ++i) weight_gradient_line(half[i], g[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#endif
