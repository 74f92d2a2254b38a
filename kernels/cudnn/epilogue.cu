// Around cuDNN's convolutions:
//     transpose         to[j,i] = from[i,j]
//     add_bias          y[m,k] = act(x[m,k] + bias[k])
//     bias_relu_pool    y[n,p,q,k] = max over the window of act(sums[n, 2p+r, 2q+s, k] + bias[k]), and its
//     code spread_gradient   full[n,p,q,k] = dy[n,p/2,q/2,k] where the window's code names (p,q), else 0
//
// One thread makes one element, neighbouring threads neighbouring channels; the transposition goes through a
// tile in shared memory, so that both sides are read and written in order. Deterministic. Ties: the first
// maximum in row-major order wins; code 4 says that ReLU clipped the whole window.
#include "kernels/cudnn/epilogue.cuh"

#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kThreads = 256, kTile = 32, kTileRowsAtOnce = 8;

struct TransposeTile {
    float value[kTile][kTile + 1];  // one more column, so that a column lies in 32 banks
};

__global__ void __launch_bounds__(kTile* kTileRowsAtOnce)
    transpose_kernel(int64_t rows, int64_t columns, int64_t column_tiles, const float* from, float* to) {
    TransposeTile& tile = shared_memory<TransposeTile>();
    const int64_t first_row = blockIdx.x / column_tiles * kTile,
                  first_column = blockIdx.x % column_tiles * kTile;
    for (unsigned i = threadIdx.y; i < kTile; i += kTileRowsAtOnce) {
        const int64_t row = first_row + i, column = first_column + threadIdx.x;
        if (row < rows && column < columns) tile.value[i][threadIdx.x] = from[row * columns + column];
    }
    __syncthreads();
    for (unsigned i = threadIdx.y; i < kTile; i += kTileRowsAtOnce) {
        const int64_t row = first_row + threadIdx.x, column = first_column + i;
        if (row < rows && column < columns) to[column * rows + row] = tile.value[threadIdx.x][i];
    }
}

__device__ float activated(float sum, float bias, bool relu) {
    const float value = sum + bias;
    return relu && value < 0 ? 0 : value;  // NaN stays: it must be seen
}

__global__ void __launch_bounds__(kThreads)
    add_bias_kernel(int64_t count, int64_t K, bool relu, const float* x, const float* bias, float* y) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i < count) y[i] = activated(x[i], bias != nullptr ? bias[i % K] : 0, relu);
}

/// What both pooling kernels need to find a window.
struct WindowSizes {
    int64_t P, Q, rows, columns, K;
};

__global__ void __launch_bounds__(kThreads)
    bias_relu_pool_kernel(int64_t count, WindowSizes sizes, bool relu, const float* sums, const float* bias,
                          float* y, uint8_t* codes) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= count) return;
    const int64_t k = i % sizes.K, window = i / sizes.K, column = window % sizes.columns;
    const int64_t line = window / sizes.columns, row = line % sizes.rows, n = line / sizes.rows;
    const float shift = bias != nullptr ? bias[k] : 0;
    float best = 0;
    int code = 0;
    for (int position = 0; position < 4; ++position) {
        const int64_t p = 2 * row + position / 2, q = 2 * column + position % 2;
        const float value = activated(sums[((n * sizes.P + p) * sizes.Q + q) * sizes.K + k], shift, relu);
        if (position == 0 || value > best) {
            best = value;
            code = position;
        }
    }
    y[i] = best;
    codes[i] = static_cast<uint8_t>(relu && best <= 0 ? int{kPoolClipped} : code);
}

__global__ void __launch_bounds__(kThreads)
    spread_gradient_kernel(int64_t count, WindowSizes sizes, const float* dy, const uint8_t* codes,
                           float* full) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= count) return;
    const int64_t k = i % sizes.K, pixel = i / sizes.K, q = pixel % sizes.Q;
    const int64_t line = pixel / sizes.Q, p = line % sizes.P, n = line / sizes.P;
    float value = 0;
    if (p / 2 < sizes.rows && q / 2 < sizes.columns) {
        const int64_t from = ((n * sizes.rows + p / 2) * sizes.columns + q / 2) * sizes.K + k;
        if (codes[from] == p % 2 * 2 + q % 2) value = dy[from];
    }
    full[i] = value;
}

WindowSizes window_sizes(const Conv2dProblem& problem) {
    return {problem.P(), problem.Q(), problem.out_rows(), problem.out_columns(), problem.K};
}

}  // namespace

// ---- Launchers --------------------------------------------------------------------------------------------

void transpose(cudaStream_t stream, int64_t rows, int64_t columns, const float* from, float* to) {
    const int64_t column_tiles = ceil_div(columns, kTile);
    launch(transpose_kernel, blocks_for(ceil_div(rows, kTile) * column_tiles, 1),
           dim3(kTile, kTileRowsAtOnce), sizeof(TransposeTile), stream, rows, columns, column_tiles, from,
           to);
}

void add_bias(cudaStream_t stream, int64_t rows, int64_t K, bool relu, const float* x, const float* bias,
              float* y) {
    launch(add_bias_kernel, blocks_for(rows * K, kThreads), dim3(kThreads), 0, stream, rows * K, K, relu, x,
           bias, y);
}

void bias_relu_pool(cudaStream_t stream, const Conv2dProblem& problem, const float* sums, const float* bias,
                    float* y, uint8_t* codes) {
    const int64_t count = problem.N * problem.out_rows() * problem.out_columns() * problem.K;
    launch(bias_relu_pool_kernel, blocks_for(count, kThreads), dim3(kThreads), 0, stream, count,
           window_sizes(problem), problem.relu, sums, bias, y, codes);
}

void spread_gradient(cudaStream_t stream, const Conv2dProblem& problem, const float* dy, const uint8_t* codes,
                     float* full) {
    const int64_t count = problem.N * problem.P() * problem.Q() * problem.K;
    launch(spread_gradient_kernel, blocks_for(count, kThreads), dim3(kThreads), 0, stream, count,
           window_sizes(problem), dy, codes, full);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
