// Max pooling.     y[n,p,q,c] = max over r,s of x[n, p*stride+r, q*stride+s, c]
//                  positions[n,p,q,c] = r * S + s of that maximum
//                  dx[n,h,w,c] = sum of dy over the windows whose maximum lay at (h,w)
//
// x, dx (N, H, W, C); y, dy, positions (N, P, Q, C). x, y and their gradients are f32 or bf16, positions i32.
//
// A thread works on 16 bytes of neighbouring channels, 4 of f32 or 8 of bf16, and places them once. Where C
// is not a multiple of that, or a tensor is not aligned, the same code works on one channel.
//
//   forward    One thread a pixel of y. 2x2 windows are unrolled, so that their four loads are on their way
//              together. x is read once, y and positions are written once: an element of y costs 4 elements
//              of x, its own, and 4 bytes.
//   backward   Where windows lie side by side (stride and extent are equal), one thread a window reads dy and
//              positions once and writes the window's pixels, and zeros where no window reaches a last row or
//              column: as many bytes as forward. Where they overlap or leave gaps, one thread a pixel of dx
//              gathers from the windows that cover it, without atomics.
//
// Deterministic: windows are added in row-major order. Ties: the first maximum in row-major order wins, as in
// tf.nn.max_pool2d.
#include <type_traits>

#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

struct PoolSizes {
    int H, W, C, R, S, P, Q, stride_h, stride_w;
};

/// The coordinates of vector `i` of an array (N, rows, columns, C), whose pixels have C / kLanes vectors.
template <int kLanes>
struct Place {
    int n, row, column, c;

    __device__ Place(int i, int rows, int columns, int C) {
        const int groups = C / kLanes, pixel = i / groups, line = pixel / columns;
        c = (i - pixel * groups) * kLanes;
        column = pixel - line * columns;
        n = line / rows;
        row = line - n * rows;
    }
};

/// `kWindow` is the extent of a square window where the compiler is to know it, else 0.
template <typename T, int kLanes, int kWindow>
__global__ void __launch_bounds__(kThreads)
    max_pool2d_forward_kernel(int count, PoolSizes sizes, const T* x, T* y, int32_t* positions) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const int R = kWindow > 0 ? kWindow : sizes.R, S = kWindow > 0 ? kWindow : sizes.S;
    const Place<kLanes> at(static_cast<int>(thread), sizes.P, sizes.Q, sizes.C);
    const int64_t corner =
        (int64_t{at.n} * sizes.H + at.row * sizes.stride_h) * sizes.W + at.column * sizes.stride_w;
    const T* from = x + corner * sizes.C + at.c;
    Pack<T, kLanes> best = *reinterpret_cast<const Pack<T, kLanes>*>(from);
    Pack<int32_t, kLanes> position = {};
    for (int r = 0; r < R; ++r) {
        for (int s = 0; s < S; ++s) {
            const auto value =
                *reinterpret_cast<const Pack<T, kLanes>*>(from + (int64_t{r} * sizes.W + s) * sizes.C);
#pragma unroll
            for (int j = 0; j < kLanes; ++j) {
                if (widened(value.lane[j]) > widened(best.lane[j])) {
                    best.lane[j] = value.lane[j];
                    position.lane[j] = r * S + s;
                }
            }
        }
    }
    reinterpret_cast<Pack<T, kLanes>*>(y)[thread] = best;
    reinterpret_cast<Pack<int32_t, kLanes>*>(positions)[thread] = position;
}

/// Windows side by side. Thread: a window, or what is left of one at the last row or column.
template <typename T, int kLanes>
__global__ void __launch_bounds__(kThreads)
    max_pool2d_scatter_kernel(int count, PoolSizes sizes, const T* dy, const int32_t* positions, T* dx) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const int rows = (sizes.H + sizes.R - 1) / sizes.R, columns = (sizes.W + sizes.S - 1) / sizes.S;
    const Place<kLanes> at(static_cast<int>(thread), rows, columns, sizes.C);
    Pack<T, kLanes> gradient = {};
    Pack<int32_t, kLanes> position = {};
    if (at.row < sizes.P && at.column < sizes.Q) {
        const int64_t from = ((int64_t{at.n} * sizes.P + at.row) * sizes.Q + at.column) * sizes.C + at.c;
        gradient = *reinterpret_cast<const Pack<T, kLanes>*>(dy + from);
        position = *reinterpret_cast<const Pack<int32_t, kLanes>*>(positions + from);
    }
    for (int r = 0; r < sizes.R; ++r) {
        for (int s = 0; s < sizes.S; ++s) {
            const int h = at.row * sizes.R + r, w = at.column * sizes.S + s;
            if (h >= sizes.H || w >= sizes.W) continue;
            Pack<T, kLanes> here = {};
#pragma unroll
            for (int j = 0; j < kLanes; ++j) {
                if (position.lane[j] == r * sizes.S + s) here.lane[j] = gradient.lane[j];
            }
            *reinterpret_cast<Pack<T, kLanes>*>(dx + ((int64_t{at.n} * sizes.H + h) * sizes.W + w) * sizes.C +
                                                at.c) = here;
        }
    }
}

/// The first window along one axis that covers `at`.
__device__ int first_window(int at, int extent, int stride) {
    return at < extent ? 0 : (at - extent) / stride + 1;
}

template <typename T, int kLanes>
__global__ void __launch_bounds__(kThreads)
    max_pool2d_gather_kernel(int count, PoolSizes sizes, const T* dy, const int32_t* positions, T* dx) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const Place<kLanes> at(static_cast<int>(thread), sizes.H, sizes.W, sizes.C);
    Pack<float, kLanes> sum = {};
    for (int p = first_window(at.row, sizes.R, sizes.stride_h); p < sizes.P && p * sizes.stride_h <= at.row;
         ++p) {
        const int r = at.row - p * sizes.stride_h;
        for (int q = first_window(at.column, sizes.S, sizes.stride_w);
             q < sizes.Q && q * sizes.stride_w <= at.column; ++q) {
            const int s = at.column - q * sizes.stride_w;
            const int64_t window = ((int64_t{at.n} * sizes.P + p) * sizes.Q + q) * sizes.C + at.c;
            const auto gradient = load_pack<kLanes>(dy + window, kLanes, true);
            const auto position = *reinterpret_cast<const Pack<int32_t, kLanes>*>(positions + window);
#pragma unroll
            for (int j = 0; j < kLanes; ++j) {
                if (position.lane[j] == r * sizes.S + s) sum.lane[j] += gradient.lane[j];
            }
        }
    }
    store_pack(dx + thread * kLanes, sum, kLanes, true);
}

PoolSizes sizes_of(const Pool2dProblem& problem) {
    return {to_int32(problem.H, "rows"),
            to_int32(problem.W, "columns"),
            to_int32(problem.C, "channels"),
            to_int32(problem.R, "window rows"),
            to_int32(problem.S, "window columns"),
            to_int32(problem.P(), "output rows"),
            to_int32(problem.Q(), "output columns"),
            to_int32(problem.stride_h, "rows of stride"),
            to_int32(problem.stride_w, "columns of stride")};
}

/// Calls `run(lanes)` with how many of C channels a thread takes, as a std::integral_constant.
template <typename T, typename Run>
void with_lanes(int64_t C, const T* large, const T* small, const int32_t* positions, const Run& run) {
    constexpr int kLanes = kWidest<T>;
    if (moves_by<kLanes>(large, C) && moves_by<kLanes>(small, C) && moves_by<kLanes>(positions, C)) {
        run(std::integral_constant<int, kLanes>{});
    } else {
        run(std::integral_constant<int, 1>{});
    }
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::max_pool2d_forward(const Pool2dProblem& problem, const Tensor& x, const Tensor& y,
                                     const Tensor& positions) {
    if (y.count() == 0) return;
    const bool two_by_two = problem.R == 2 && problem.S == 2;
    dispatch_dtype(x, [&](auto element) {
        using T = decltype(element);
        int32_t* to = positions.data<int32_t>();
        with_lanes(problem.C, x.data<T>(), y.data<T>(), to, [&](auto lanes) {
            constexpr int kLanes = decltype(lanes)::value;
            const int count = to_int32(y.count() / kLanes, "outputs");
            launch(two_by_two ? max_pool2d_forward_kernel<T, kLanes, 2>
                              : max_pool2d_forward_kernel<T, kLanes, 0>,
                   blocks_for(count, kThreads), dim3(kThreads), 0, stream(), count, sizes_of(problem),
                   x.data<T>(), y.data<T>(), to);
        });
    });
}

void CudaBackend::max_pool2d_backward(const Pool2dProblem& problem, const Tensor& dy, const Tensor& positions,
                                      const Tensor& dx) {
    if (dx.count() == 0) return;
    const bool side_by_side = problem.stride_h == problem.R && problem.stride_w == problem.S;
    dispatch_dtype(dx, [&](auto element) {
        using T = decltype(element);
        const int32_t* from = positions.data<int32_t>();
        with_lanes(problem.C, dx.data<T>(), dy.data<T>(), from, [&](auto lanes) {
            constexpr int kLanes = decltype(lanes)::value;
            const int64_t pixels =
                side_by_side ? problem.N * ceil_div(problem.H, problem.R) * ceil_div(problem.W, problem.S)
                             : problem.N * problem.H * problem.W;
            const int count = to_int32(pixels * (problem.C / kLanes), "inputs");
            launch(side_by_side ? max_pool2d_scatter_kernel<T, kLanes> : max_pool2d_gather_kernel<T, kLanes>,
                   blocks_for(count, kThreads), dim3(kThreads), 0, stream(), count, sizes_of(problem),
                   dy.data<T>(), from, dx.data<T>());
        });
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
