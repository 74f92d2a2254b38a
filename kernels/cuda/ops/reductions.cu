// Sums and maxima over axes.   y[o] = factor * sum over t of x[o, t];   y[o] = max over t of x[o, t]
//
// x f32 or bf16, y of the same type; how the elements of an output lie: axes/reduced.h. Sums are taken in double. Each
// byte of x is read once.
//
// Where the terms of an output lie side by side, 32 threads share an output: each takes every 32nd term, in order, and
// a tree in shared memory merges what they have. Else neighbouring outputs lie side by side, and a thread makes one
// output. In both, a warp reads neighbouring elements. Where that gives too few threads for the GPU, the terms are
// split into ranges; each range leaves a partial result, and a second kernel merges those in order. A sum of all
// elements goes by reduce.cuh.
//
// Deterministic: the split follows from the sizes alone. Ties: the first maximum in row-major order wins; a NaN counts
// as larger than any number.
#include "objloc/kernels/axes/reduced.h"

#include <algorithm>

#include "objloc/kernels/cuda/ops/elementwise.cuh"
#include "objloc/kernels/cuda/primitives/reduce.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kLanes = 32, kRows = 8, kThreads = kLanes * kRows;

struct Sum {
    using State = double;

    __device__ static State empty() { return 0; }
    __device__ static void take(float value, int, State& sum) { sum += double{value}; }
    __device__ static void merge(State other, State& sum) { sum += other; }
};

struct Max {
    struct State {
        float value;
        int position;  // -1: none yet
    };

    __device__ static State empty() { return {0, -1}; }
    __device__ static void take(float value, int position, State& max) { merge({value, position}, max); }
    /// The better one of two; of equals the one with the smaller position, whatever the order of merging.
    __device__ static void merge(State other, State& max) {
        if (other.position < 0) return;
        const bool other_nan = other.value != other.value, max_nan = max.value != max.value;
        const bool larger = other_nan ? !max_nan : other.value > max.value;
        const bool equal = other_nan ? max_nan : other.value == max.value;
        if (max.position < 0 || larger || (equal && other.position < max.position)) max = other;
    }
};

/// Ranges of `terms_each` terms; block row blockIdx.y takes the one of its number.
struct Split {
    int terms, terms_each;

    __device__ int begin() const { return static_cast<int>(blockIdx.y) * terms_each; }
    __device__ int end() const { return min(terms, begin() + terms_each); }
};

template <typename Reduction>
struct RowStates {
    typename Reduction::State state[kRows][kLanes];
};

/// partials[range][output], by 32 threads an output.
template <typename Reduction, typename T>
__global__ void __launch_bounds__(kThreads)
    reduce_along_kernel(int outputs, Split split, axes::Reduced of, const T* x,
                        typename Reduction::State* partials) {
    auto& shared = shared_memory<RowStates<Reduction>>();
    const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
    const int output = static_cast<int>(blockIdx.x) * kRows + row;
    typename Reduction::State state = Reduction::empty();
    if (output < outputs) {
        const T* from = x + of.kept.offset(output);
#pragma unroll 4
        for (int t = split.begin() + lane; t < split.end(); t += kLanes) {
            Reduction::take(widened(from[of.terms.offset(t)]), t, state);
        }
    }
    shared.state[row][lane] = state;
    for (int half = kLanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half) Reduction::merge(shared.state[row][lane + half], shared.state[row][lane]);
    }
    if (lane == 0 && output < outputs) {
        partials[int64_t{blockIdx.y} * outputs + output] = shared.state[row][0];
    }
}

/// The same by one thread an output.
template <typename Reduction, typename T>
__global__ void __launch_bounds__(kThreads)
    reduce_across_kernel(int outputs, Split split, axes::Reduced of, const T* x,
                         typename Reduction::State* partials) {
    const int64_t output = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (output >= outputs) return;
    typename Reduction::State state = Reduction::empty();
    const T* from = x + of.kept.offset(output);
#pragma unroll 4
    for (int t = split.begin(); t < split.end(); ++t) {
        Reduction::take(widened(from[of.terms.offset(t)]), t, state);
    }
    partials[int64_t{blockIdx.y} * outputs + output] = state;
}

/// What the ranges of an output left, merged in order.
template <typename Reduction>
__device__ typename Reduction::State merged(int output, int outputs, int ranges,
                                            const typename Reduction::State* partials) {
    typename Reduction::State state = partials[output];
    for (int range = 1; range < ranges; ++range) {
        Reduction::merge(partials[int64_t{range} * outputs + output], state);
    }
    return state;
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    finish_sum_kernel(int outputs, int ranges, const Sum::State* partials, double factor, T* y) {
    const int64_t output = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (output >= outputs) return;
    const double sum = merged<Sum>(static_cast<int>(output), outputs, ranges, partials);
    narrow(static_cast<float>(sum * factor), y[output]);
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    finish_max_kernel(int outputs, int ranges, const Max::State* partials, T* y, int* positions) {
    const int64_t output = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (output >= outputs) return;
    const Max::State max = merged<Max>(static_cast<int>(output), outputs, ranges, partials);
    narrow(max.value, y[output]);
    positions[output] = max.position;
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    max_backward_kernel(int outputs, axes::Reduced of, const T* dy, const int* positions, T* dx) {
    const int64_t output = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (output >= outputs) return;
    dx[of.kept.offset(output) + of.terms.offset(positions[output])] = dy[output];
}

struct Zero {
    __device__ float operator()() const { return 0; }
};

/// Into how many ranges the terms are split: enough for all multiprocessors, of kLeast terms or more.
int ranges_for(bool along, int64_t outputs, int64_t terms) {
    constexpr int64_t kMostThreads = int64_t{132} * 2048, kLeast = 64;
    const int64_t threads = along ? outputs * kLanes : outputs, each = along ? kLeast * kLanes : kLeast;
    const int64_t wanted = std::max<int64_t>(1, kMostThreads / threads);
    return to_int32(std::clamp<int64_t>(ceil_div(terms, each), 1, std::min<int64_t>(wanted, 1024)), "ranges");
}

/// Calls `finish(outputs, ranges, partials)` when all ranges' partial results are queued.
template <typename Reduction, typename T, typename Finish>
void reduce_axes(CudaBackend& backend, const Tensor& x, const Shape& y, const Finish& finish) {
    const axes::Reduced of = axes::reduced(x.shape(), y);
    const int outputs = to_int32(of.kept.count(), "outputs"), terms = to_int32(of.terms.count(), "elements");
    const bool along = of.along();
    const int wanted = ranges_for(along, outputs, terms);
    const int each = to_int32(ceil_div(terms, wanted), "elements"),
              ranges = to_int32(ceil_div(terms, each), "ranges");
    static_assert(sizeof(typename Reduction::State) == sizeof(int64_t));
    const Tensor memory = backend.allocate({ranges, outputs}, DType::i64);  // eight bytes each
    auto* partials = static_cast<typename Reduction::State*>(memory.raw());
    const dim3 grid(blocks_for(outputs, along ? kRows : kThreads).x, static_cast<unsigned>(ranges));
    if (along) {
        launch(reduce_along_kernel<Reduction, T>, grid, dim3(kLanes, kRows), sizeof(RowStates<Reduction>),
               backend.stream(), outputs, Split{terms, each}, of, x.data<T>(), partials);
    } else {
        launch(reduce_across_kernel<Reduction, T>, grid, dim3(kThreads), 0, backend.stream(), outputs,
               Split{terms, each}, of, x.data<T>(), partials);
    }
    finish(outputs, ranges, partials);
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void CudaBackend::sum(const Tensor& x, const Tensor& y, double factor) {
    if (y.count() == 0) return;
    if (y.count() == 1 && x.type() == DType::f32) return reduce_elements<false>(*this, x, factor, y);
    dispatch_dtype(x, [&](auto element) {
        using T = decltype(element);
        reduce_axes<Sum, T>(*this, x, y.shape(), [&](int outputs, int ranges, const Sum::State* partials) {
            launch(finish_sum_kernel<T>, blocks_for(outputs, kThreads), dim3(kThreads), 0, stream(), outputs,
                   ranges, partials, factor, y.data<T>());
        });
    });
}

void CudaBackend::max_forward(const Tensor& x, const Tensor& y, const Tensor& positions) {
    if (y.count() == 0) return;
    dispatch_dtype(x, [&](auto element) {
        using T = decltype(element);
        reduce_axes<Max, T>(*this, x, y.shape(), [&](int outputs, int ranges, const Max::State* partials) {
            launch(finish_max_kernel<T>, blocks_for(outputs, kThreads), dim3(kThreads), 0, stream(), outputs,
                   ranges, partials, y.data<T>(), positions.data<int>());
        });
    });
}

void CudaBackend::max_backward(const Tensor& dy, const Tensor& positions, const Tensor& dx) {
    if (dx.count() == 0) return;
    elementwise(stream(), Zero{}, dx);
    const int outputs = to_int32(dy.count(), "outputs");
    dispatch_dtype(dx, [&](auto element) {
        using T = decltype(element);
        launch(max_backward_kernel<T>, blocks_for(outputs, kThreads), dim3(kThreads), 0, stream(), outputs,
               axes::reduced(dx.shape(), dy.shape()), dy.data<T>(), positions.data<int>(), dx.data<T>());
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
