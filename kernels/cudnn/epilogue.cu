// Around cuDNN's convolutions:
//     transpose        to[j,i] = from[i,j]
//     add_bias         y[m,k] = act(x[m,k] + bias[k])
//     bias_relu_pool   y[n,p,q,k] = max over the window of act(sums[n,2p+r,2q+s,k] + bias[k]); its code
//     unpool  full[n,p,q,k] = dy[n,p/2,q/2,k] where the window's code names (p,q), else 0
//
// One thread makes four neighbouring channels of a pixel, as one vector where memory allows; the
// transposition goes through a tile in shared memory, so that both sides are read and written in order.
// Deterministic. Ties: the first maximum in row-major order wins; code 4 says that ReLU clipped the whole
// window.
#include "objloc/kernels/cudnn/epilogue.cuh"

#include "objloc/kernels/cuda/primitives/dtype_dispatch.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kTile = 32, kTileRowsAtOnce = 8;

struct TransposeTile {
    float value[kTile][kTile + 1];  // one more column, so that a column lies in 32 banks
};

template <typename From, typename To>
__global__ void __launch_bounds__(kTile* kTileRowsAtOnce)
    transpose_kernel(int64_t rows, int64_t columns, int64_t column_tiles, const From* from, To* to) {
    TransposeTile& tile = shared_memory<TransposeTile>();
    const int64_t first_row = blockIdx.x / column_tiles * kTile,
                  first_column = blockIdx.x % column_tiles * kTile;
    for (unsigned i = threadIdx.y; i < kTile; i += kTileRowsAtOnce) {
        const int64_t row = first_row + i, column = first_column + threadIdx.x;
        if (row < rows && column < columns)
            tile.value[i][threadIdx.x] = widened(from[row * columns + column]);
    }
    __syncthreads();
    for (unsigned i = threadIdx.y; i < kTile; i += kTileRowsAtOnce) {
        const int64_t row = first_row + threadIdx.x, column = first_column + i;
        if (row < rows && column < columns) narrow(tile.value[threadIdx.x][i], to[column * rows + row]);
    }
}

/// A thread's four channels, or those that are left, of pixel (n, row, column).
struct FourChannels {
    int n, row, column, k, count;

    __device__ FourChannels(int thread, int rows, int columns, int K) {
        const int groups = (K + 3) / 4, pixel = thread / groups, line = pixel / columns;
        k = (thread - pixel * groups) * 4;
        count = K - k < 4 ? K - k : 4;
        column = pixel - line * columns;
        n = line / rows;
        row = line - n * rows;
    }
};

/// Where channel `k` of a pixel lies in (N, rows, columns, K).
__device__ int64_t place(int n, int row, int column, int k, int rows, int columns, int K) {
    return ((int64_t{n} * rows + row) * columns + column) * K + k;
}

__device__ Float4 activated(Float4 sums, const Float4& bias, bool relu) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        sums.lane[j] += bias.lane[j];
        if (relu && sums.lane[j] < 0) sums.lane[j] = 0;  // NaN stays: it must be seen
    }
    return sums;
}

__device__ Float4 bias_of(const float* bias, const FourChannels& at) {
    return load4(bias + at.k, bias != nullptr ? at.count : 0, false);
}

/// Sizes of the bare convolution's output, and of the pooled one.
struct PoolSizes {
    int P, Q, rows, columns, K;
    int threads;  // with work
    bool vector;  // four channels may be moved at once
};

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    add_bias_kernel(PoolSizes sizes, bool relu, const Element* x, const float* bias, Element* y) {
    const int thread = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
    if (thread >= sizes.threads) return;
    const FourChannels at(thread, sizes.P, sizes.Q, sizes.K);
    const int64_t from = place(at.n, at.row, at.column, at.k, sizes.P, sizes.Q, sizes.K);
    const Float4 sums = load4(x + from, at.count, sizes.vector);
    store4(y + from, activated(sums, bias_of(bias, at), relu), at.count, sizes.vector);
}

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    bias_relu_pool_kernel(PoolSizes sizes, bool relu, const Element* sums, const float* bias, Element* y,
                          uint8_t* codes) {
    const int thread = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
    if (thread >= sizes.threads) return;
    const FourChannels at(thread, sizes.rows, sizes.columns, sizes.K);
    const Float4 shift = bias_of(bias, at);
    Float4 best = {{0, 0, 0, 0}};
    Byte4 code = {{0, 0, 0, 0}};
#pragma unroll
    for (int position = 0; position < 4; ++position) {
        const int p = 2 * at.row + position / 2, q = 2 * at.column + position % 2;
        const int64_t from = place(at.n, p, q, at.k, sizes.P, sizes.Q, sizes.K);
        const Float4 values = activated(load4(sums + from, at.count, sizes.vector), shift, relu);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (position > 0 && !(values.lane[j] > best.lane[j])) continue;
            best.lane[j] = values.lane[j];
            code.lane[j] = static_cast<uint8_t>(position);
        }
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        if (relu && best.lane[j] <= 0) code.lane[j] = kPoolClipped;
    }
    const int64_t to = place(at.n, at.row, at.column, at.k, sizes.rows, sizes.columns, sizes.K);
    store4(y + to, best, at.count, sizes.vector);
    store4(codes + to, code, at.count, sizes.vector);
}

template <typename Element>
__global__ void __launch_bounds__(kThreads)
    unpool_kernel(PoolSizes sizes, const Element* dy, const uint8_t* codes, Element* full) {
    const int thread = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
    if (thread >= sizes.threads) return;
    const FourChannels at(thread, sizes.P, sizes.Q, sizes.K);
    const int row = at.row / 2, column = at.column / 2, position = at.row % 2 * 2 + at.column % 2;
    Float4 values = {{0, 0, 0, 0}};
    if (row < sizes.rows && column < sizes.columns) {
        const int64_t from = place(at.n, row, column, at.k, sizes.rows, sizes.columns, sizes.K);
        values = load4(dy + from, at.count, sizes.vector);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (j < at.count && codes[from + j] != position) values.lane[j] = 0;
        }
    }
    store4(full + place(at.n, at.row, at.column, at.k, sizes.P, sizes.Q, sizes.K), values, at.count,
           sizes.vector);
}

/// For `pixels` of a thread's four channels each.
PoolSizes pool_sizes(int64_t P, int64_t Q, int64_t rows, int64_t columns, int64_t K, int64_t pixels) {
    const auto narrow_to = [](int64_t extent) { return to_int32(extent, "pixels or channels"); };
    return {narrow_to(P),
            narrow_to(Q),
            narrow_to(rows),
            narrow_to(columns),
            narrow_to(K),
            to_int32(pixels * ceil_div(K, 4), "groups of channels"),
            false};
}

PoolSizes pool_sizes(const Conv2dProblem& p, int64_t pixels) {
    return pool_sizes(p.P(), p.Q(), p.out_rows(), p.out_columns(), p.K, pixels);
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void transpose(cudaStream_t stream, int64_t rows, int64_t columns, const Tensor& from, const Tensor& to) {
    const int64_t column_tiles = ceil_div(columns, kTile);
    const auto run = [&](auto from_element, auto to_element) {
        using From = decltype(from_element);
        using To = decltype(to_element);
        launch(transpose_kernel<From, To>, blocks_for(ceil_div(rows, kTile) * column_tiles, 1),
               dim3(kTile, kTileRowsAtOnce), sizeof(TransposeTile), stream, rows, columns, column_tiles,
               from.data<From>(), to.data<To>());
    };
    dispatch_dtype(from, [&](auto from_element) {
        dispatch_dtype(to, [&](auto to_element) { run(from_element, to_element); });
    });
}

void add_bias(cudaStream_t stream, int64_t rows, int64_t K, bool relu, const Tensor& x, const float* bias,
              const Tensor& y) {
    PoolSizes sizes = pool_sizes(1, rows, 0, 0, K, rows);
    dispatch_dtype(x, [&](auto element) {
        using Element = decltype(element);
        sizes.vector = moves_by_four(x.data<Element>(), K) && moves_by_four(y.data<Element>(), K);
        launch(add_bias_kernel<Element>, blocks_for(sizes.threads, kThreads), dim3(kThreads), 0, stream,
               sizes, relu, x.data<Element>(), bias, y.data<Element>());
    });
}

void bias_relu_pool(cudaStream_t stream, const Conv2dProblem& problem, const Tensor& sums, const float* bias,
                    const Tensor& y, const Tensor& codes) {
    PoolSizes sizes = pool_sizes(problem, problem.N * problem.out_rows() * problem.out_columns());
    dispatch_dtype(y, [&](auto element) {
        using Element = decltype(element);
        sizes.vector = moves_by_four(sums.data<Element>(), problem.K) &&
                       moves_by_four(y.data<Element>(), problem.K) &&
                       moves_by_four(codes.data<uint8_t>(), problem.K);
        launch(bias_relu_pool_kernel<Element>, blocks_for(sizes.threads, kThreads), dim3(kThreads), 0, stream,
               sizes, problem.relu, sums.data<Element>(), bias, y.data<Element>(), codes.data<uint8_t>());
    });
}

void launch_unpool(cudaStream_t stream, const Conv2dProblem& problem, const Tensor& dy, const Tensor& codes,
                   const Tensor& full) {
    PoolSizes sizes = pool_sizes(problem, problem.N * problem.P() * problem.Q());
    dispatch_dtype(dy, [&](auto element) {
        using Element = decltype(element);
        sizes.vector =
            moves_by_four(dy.data<Element>(), problem.K) && moves_by_four(full.data<Element>(), problem.K);
        launch(unpool_kernel<Element>, blocks_for(sizes.threads, kThreads), dim3(kThreads), 0, stream, sizes,
               dy.data<Element>(), codes.data<uint8_t>(), full.data<Element>());
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
