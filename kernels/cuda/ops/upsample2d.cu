// Upsampling by nearest neighbours, to twice the rows and columns or one less.
//     y[n,p,q,c] = x[n,p/2,q/2,c]     dx[n,h,w,c] = sum of dy over the pixels that took it
//
// x, dx (N, H, W, C); y, dy (N, P, Q, C); f32 or bf16. A thread takes a pixel of x or dx and 16 bytes of its channels,
// or one channel where C or a tensor's alignment forbids that, and the up to four pixels of y or dy: each element is
// read once and written once. The four are added in row-major order, so results are the same on every run.
#include <type_traits>

#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256;

struct UpsampleSizes {
    int H, W, C, P, Q;
};

/// The element of y where the four pixels that belong to a thread's pixel of x begin, and how many rows and columns
/// of them there are.
template <int kLanes>
struct Block {
    int64_t first;
    int rows, columns;

    __device__ Block(int64_t thread, const UpsampleSizes& sizes) {
        const int groups = sizes.C / kLanes;
        const int64_t pixel = thread / groups, line = pixel / sizes.W, n = line / sizes.H;
        const int c = static_cast<int>(thread - pixel * groups) * kLanes;
        const int h = static_cast<int>(line - n * sizes.H), w = static_cast<int>(pixel - line * sizes.W);
        first = ((n * sizes.P + 2 * h) * sizes.Q + 2 * w) * sizes.C + c;
        rows = min(2, sizes.P - 2 * h), columns = min(2, sizes.Q - 2 * w);
    }
};

template <typename T, int kLanes>
__global__ void __launch_bounds__(kThreads)
    upsample2d_forward_kernel(int count, UpsampleSizes sizes, const T* x, T* y) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const Block<kLanes> block(thread, sizes);
    const auto value = reinterpret_cast<const Pack<T, kLanes>*>(x)[thread];
    for (int r = 0; r < block.rows; ++r) {
        for (int s = 0; s < block.columns; ++s) {
            *reinterpret_cast<Pack<T, kLanes>*>(y + block.first + (int64_t{r} * sizes.Q + s) * sizes.C) =
                value;
        }
    }
}

template <typename T, int kLanes>
__global__ void __launch_bounds__(kThreads)
    upsample2d_backward_kernel(int count, UpsampleSizes sizes, const T* dy, T* dx) {
    const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (thread >= count) return;
    const Block<kLanes> block(thread, sizes);
    Pack<float, kLanes> sum = {};
    for (int r = 0; r < block.rows; ++r) {
        for (int s = 0; s < block.columns; ++s) {
            const auto value =
                load_pack<kLanes>(dy + block.first + (int64_t{r} * sizes.Q + s) * sizes.C, kLanes, true);
#pragma unroll
            for (int j = 0; j < kLanes; ++j) sum.lane[j] += value.lane[j];
        }
    }
    store_pack(dx + thread * kLanes, sum, kLanes, true);
}

/// `small` (N, H, W, C), `large` (N, P, Q, C).
UpsampleSizes sizes_of(const Tensor& small, const Tensor& large) {
    return {to_int32(small.shape()[1], "rows"), to_int32(small.shape()[2], "columns"),
            to_int32(small.shape()[3], "channels"), to_int32(large.shape()[1], "output rows"),
            to_int32(large.shape()[2], "output columns")};
}

/// Calls `run(element, lanes)`: the element type, and how many channels a thread takes as a std::integral_constant.
template <typename Run>
void with_lanes(const Tensor& small, const Tensor& large, const Run& run) {
    dispatch_dtype(small, [&](auto element) {
        using T = decltype(element);
        const int64_t C = small.shape()[3];
        if (moves_by<kWidest<T>>(small.data<T>(), C) && moves_by<kWidest<T>>(large.data<T>(), C)) {
            run(element, std::integral_constant<int, kWidest<T>>{});
        } else {
            run(element, std::integral_constant<int, 1>{});
        }
    });
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::upsample2d_forward(const Tensor& x, const Tensor& y) {
    if (x.count() == 0) return;
    with_lanes(x, y, [&](auto element, auto lanes) {
        using T = decltype(element);
        constexpr int kLanes = decltype(lanes)::value;
        const int count = to_int32(x.count() / kLanes, "inputs");
        launch(upsample2d_forward_kernel<T, kLanes>, blocks_for(count, kThreads), dim3(kThreads), 0, stream(),
               count, sizes_of(x, y), x.data<T>(), y.data<T>());
    });
}

void CudaBackend::upsample2d_backward(const Tensor& dy, const Tensor& dx) {
    if (dx.count() == 0) return;
    with_lanes(dx, dy, [&](auto element, auto lanes) {
        using T = decltype(element);
        constexpr int kLanes = decltype(lanes)::value;
        const int count = to_int32(dx.count() / kLanes, "inputs");
        launch(upsample2d_backward_kernel<T, kLanes>, blocks_for(count, kThreads), dim3(kThreads), 0,
               stream(), count, sizes_of(dx, dy), dy.data<T>(), dx.data<T>());
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
