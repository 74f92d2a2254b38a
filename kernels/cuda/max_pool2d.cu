// Max pooling.     y[n,p,q,c] = max over r,s of x[n, p*stride+r, q*stride+s, c]
//                  positions[n,p,q,c] = r * S + s of that maximum
//                  dx[n,h,w,c] = sum of dy over the windows whose maximum lay at (h,w)
//
// x, dx (N, H, W, C); y, dy, positions (N, P, Q, C). One thread makes one element, neighbouring threads
// neighbouring channels. The backward pass gathers: an element of dx looks at every window that covers it, so
// windows may overlap without atomics.
//
// x, y and their gradients are f32 or bf16.
//
// Deterministic: windows are added in row-major order. Ties: the first maximum in row-major order wins, as in
// tf.nn.max_pool2d.
#include "kernels/cuda/cuda_backend.cuh"
#include "kernels/cuda/elements.cuh"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

struct PoolSizes {
    int H, W, C, R, S, P, Q, stride_h, stride_w;
};

/// The coordinates of element `i` of an array (N, rows, columns, C).
struct Element {
    int n, row, column, c;

    __device__ Element(int i, int rows, int columns, int channels) {
        const int pixel = i / channels, line = pixel / columns;
        c = i - pixel * channels;
        column = pixel - line * columns;
        n = line / rows;
        row = line - n * rows;
    }
};

template <typename T>
__global__ void __launch_bounds__(kThreads)
    max_pool2d_forward_kernel(int count, PoolSizes sizes, const T* x, T* y, int32_t* positions) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const Element at(static_cast<int>(thread), sizes.P, sizes.Q, sizes.C);
    const int64_t corner =
        (int64_t{at.n} * sizes.H + at.row * sizes.stride_h) * sizes.W + at.column * sizes.stride_w;
    T best = x[corner * sizes.C + at.c];
    int position = 0;
    for (int r = 0; r < sizes.R; ++r) {
        for (int s = 0; s < sizes.S; ++s) {
            const T value = x[(corner + int64_t{r} * sizes.W + s) * sizes.C + at.c];
            if (widened(value) > widened(best)) {
                best = value;
                position = r * sizes.S + s;
            }
        }
    }
    y[thread] = best;
    positions[thread] = position;
}

/// The first window along one axis that covers `at`.
__device__ int first_window(int at, int extent, int stride) {
    return at < extent ? 0 : (at - extent) / stride + 1;
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    max_pool2d_backward_kernel(int count, PoolSizes sizes, const T* dy, const int32_t* positions, T* dx) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const Element at(static_cast<int>(thread), sizes.H, sizes.W, sizes.C);
    float sum = 0;
    for (int p = first_window(at.row, sizes.R, sizes.stride_h); p < sizes.P && p * sizes.stride_h <= at.row;
         ++p) {
        const int r = at.row - p * sizes.stride_h;
        for (int q = first_window(at.column, sizes.S, sizes.stride_w);
             q < sizes.Q && q * sizes.stride_w <= at.column; ++q) {
            const int s = at.column - q * sizes.stride_w;
            const int64_t window = ((int64_t{at.n} * sizes.P + p) * sizes.Q + q) * sizes.C + at.c;
            if (positions[window] == r * sizes.S + s) sum += widened(dy[window]);
        }
    }
    narrow(sum, dx[thread]);
}

PoolSizes sizes_of(const MaxPool2dProblem& problem) {
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

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::max_pool2d_forward(const MaxPool2dProblem& problem, const Tensor& x, const Tensor& y,
                                     const Tensor& positions) {
    if (y.count() == 0) return;
    const int count = to_int32(y.count(), "outputs");
    with_elements_of(x, [&](auto element) {
        using T = decltype(element);
        launch(max_pool2d_forward_kernel<T>, blocks_for(count, kThreads), dim3(kThreads), 0, stream(), count,
               sizes_of(problem), x.data<T>(), y.data<T>(), positions.data<int32_t>());
    });
}

void CudaBackend::max_pool2d_backward(const MaxPool2dProblem& problem, const Tensor& dy,
                                      const Tensor& positions, const Tensor& dx) {
    if (dx.count() == 0) return;
    const int count = to_int32(dx.count(), "inputs");
    with_elements_of(dx, [&](auto element) {
        using T = decltype(element);
        launch(max_pool2d_backward_kernel<T>, blocks_for(count, kThreads), dim3(kThreads), 0, stream(), count,
               sizes_of(problem), dy.data<T>(), positions.data<int32_t>(), dx.data<T>());
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
