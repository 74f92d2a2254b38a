#include "objloc/kernels/cpu/conv2d/pool_codes.h"

#include <algorithm>
#include <cstring>

#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc::cpu {
namespace {

// One row of windows, from the two rows of x above each other. x (2, columns, K), y and codes (columns / 2,
// K). The first maximum in row-major order wins, because later ones must be greater.
OBJLOC_SIMD void pool_row(int64_t columns, int64_t K, bool relu, const float* x, float* y, uint8_t* codes) {
    for (int64_t q = 0; q < columns / 2; ++q) {
        const float* top = x + 2 * q * K;  // (2, K)
        const float* bottom = top + columns * K;
#pragma omp simd
        for (int64_t k = 0; k < K; ++k) {
            float most = top[k];
            int32_t code = 0;
            code = top[K + k] > most ? 1 : code;
            most = top[K + k] > most ? top[K + k] : most;
            code = bottom[k] > most ? 2 : code;
            most = bottom[k] > most ? bottom[k] : most;
            code = bottom[K + k] > most ? 3 : code;
            most = bottom[K + k] > most ? bottom[K + k] : most;
            code = relu && most <= 0 ? int32_t{kPoolClipped} : code;
            y[q * K + k] = most;
            codes[q * K + k] = static_cast<uint8_t>(code);
        }
    }
}

// The reverse of pool_row. dy and codes (columns / 2, K), dx (2, columns, K).
OBJLOC_SIMD void expand_row(int64_t columns, int64_t K, const float* dy, const uint8_t* codes, float* dx) {
    for (int64_t q = 0; q < columns / 2; ++q) {
        float* top = dx + 2 * q * K;  // (2, K)
        float* bottom = top + columns * K;
#pragma omp simd
        for (int64_t k = 0; k < K; ++k) {
            const float value = dy[q * K + k];
            const int32_t code = codes[q * K + k];
            top[k] = code == 0 ? value : 0;
            top[K + k] = code == 1 ? value : 0;
            bottom[k] = code == 2 ? value : 0;
            bottom[K + k] = code == 3 ? value : 0;
        }
    }
    if (columns % 2 == 1) {  // the column that no window covers
        float* last = dx + (columns - 1) * K;
        std::fill_n(last, K, 0.f);
        std::fill_n(last + columns * K, K, 0.f);
    }
}

OBJLOC_SIMD void mask(int64_t count, const float* y, float* dx) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0 ? dx[i] : 0;
}

}  // namespace

void pool_with_codes(int threads, const Conv2dProblem& problem, const float* x, float* y, uint8_t* codes) {
    const int64_t P = problem.P(), Q = problem.Q(), K = problem.K, rows = P / 2;
    parallel_for(threads, problem.N * rows, 1, [&](int64_t row, int64_t) {
        const int64_t from = (row / rows * P + row % rows * 2) * Q * K, to = row * (Q / 2) * K;
        pool_row(Q, K, problem.relu, x + from, y + to, codes + to);
    });
}

void unpool(int threads, const Conv2dProblem& problem, const float* dy, const uint8_t* codes, float* dx) {
    const int64_t P = problem.P(), Q = problem.Q(), K = problem.K, rows = P / 2;
    parallel_for(threads, problem.N * rows, 1, [&](int64_t row, int64_t) {
        const int64_t from = row * (Q / 2) * K, to = (row / rows * P + row % rows * 2) * Q * K;
        expand_row(Q, K, dy + from, codes + from, dx + to);
    });
    if (P % 2 == 0) return;
    for (int64_t n = 0; n < problem.N; ++n) {  // the row that no window covers
        std::fill_n(dx + (n * P + P - 1) * Q * K, Q * K, 0.f);
    }
}

void relu_mask(int threads, int64_t count, const float* y, float* dx) {
    parallel_for(threads, count, kElementGrain,
                 [&](int64_t begin, int64_t end) { mask(end - begin, y + begin, dx + begin); });
}

}  // namespace objloc::cpu
