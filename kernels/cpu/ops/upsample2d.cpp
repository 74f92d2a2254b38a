// Upsampling by nearest neighbours, to twice the rows and columns or one less.
// y[n,p,q,c] = x[n,p/2,q/2,c]; dx[n,h,w,c] = sum of dy over the pixels that took it.
// x, dx (N, H, W, C); y, dy (N, P, Q, C).
#include <algorithm>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

OBJLOC_SIMD void add_pixel(int64_t C, const float* dy, float* dx) {
#pragma omp simd
    for (int64_t c = 0; c < C; ++c) dx[c] += dy[c];
}

}  // namespace

void CpuBackend::upsample2d_forward(const Tensor& x, const Tensor& y) {
    const int64_t H = x.shape()[1], W = x.shape()[2], C = x.shape()[3], P = y.shape()[1], Q = y.shape()[2];
    cpu::parallel_for(threads_, y.shape()[0] * P, 1, [&](int64_t row, int64_t) {
        const float* from = x.data<float>() + (row / P * H + row % P / 2) * W * C;
        float* to = y.data<float>() + row * Q * C;
        for (int64_t q = 0; q < Q; ++q) std::copy_n(from + q / 2 * C, C, to + q * C);
    });
}

void CpuBackend::upsample2d_backward(const Tensor& dy, const Tensor& dx) {
    const int64_t H = dx.shape()[1], W = dx.shape()[2], C = dx.shape()[3], P = dy.shape()[1],
                  Q = dy.shape()[2];
    cpu::parallel_for(threads_, dx.shape()[0] * H, 1, [&](int64_t row, int64_t) {
        const int64_t n = row / H, h = row % H;
        float* to = dx.data<float>() + row * W * C;
        std::fill_n(to, W * C, 0.f);
        for (int64_t p = 2 * h; p < std::min(P, 2 * h + 2); ++p) {
            const float* from = dy.data<float>() + (n * P + p) * Q * C;
            for (int64_t q = 0; q < Q; ++q) add_pixel(C, from + q * C, to + q / 2 * C);
        }
    });
}

}  // namespace objloc
