// The gradient of a convolution's output with its pixels innermost, in tf32, and in the order in which
// conv2d_backward_weights_hopper_tf32.cu takes it.
//     transposed[chunk, k, 8 * row + i] = dy[n, p + row, q + column(i), k],   column(i) = 0, 2, 4, 6, 1, 3, 5, 7
//
// dy (N, out_rows, out_columns, K) f32; with pooling it goes to the pixel of its window that codes, the same
// u8, name, and is 0 elsewhere. A chunk is 8 columns by 4 rows of an image, the upper or lower half of a
// patch (WeightGrid); beyond the image it is 0. transposed (chunks, K, 32) f32.
//
// A block turns 32 pixels by 32 filters through shared memory, so that both sides are read and written in
// whole lines of 128 bytes, and what it writes is 4096 bytes side by side; rows there are 33 long, so that
// neither way two lanes meet in a bank.
#include "objloc/kernels/cuda/conv2d/conv2d.cuh"
#include "objloc/kernels/cuda/conv2d/hopper/hopper_weight_gradient.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kChunkRows = kChunkPixels / kWeightSide, kChunkFilters = 32;
constexpr int kThreads = kChunkPixels * kChunkFilters / 4;

struct TransposeSizes {
    WeightGrid grid;
    int out_rows, out_columns, K, filter_blocks;
};

struct Square {
    float at[kChunkFilters][kChunkPixels + 1];
};

/// Four filters of one pixel, 0 outside the image and, with pooling, where the window's code names another.
__device__ Float4 gradient_at(const TransposeSizes& sizes, const GradientReader<float>& dy, int n, int p,
                              int q, int k) {
    const bool pool = dy.codes != nullptr;
    const int row = pool ? p / 2 : p, column = pool ? q / 2 : q;
    const bool inside = row < sizes.out_rows && column < sizes.out_columns;
    const int64_t pixel = (int64_t{n} * sizes.out_rows + row) * sizes.out_columns + column;
    return dy.at(pixel * sizes.K + k, 2 * (p % 2) + q % 2, inside ? 4 : 0);
}

__global__ void __launch_bounds__(kThreads)
    transpose_gradient_kernel(TransposeSizes sizes, GradientReader<float> dy, float* transposed) {
    Square& square = shared_memory<Square>();
    const int thread = static_cast<int>(threadIdx.x);
    const int chunk = static_cast<int>(blockIdx.x) / sizes.filter_blocks;
    const int filter = (static_cast<int>(blockIdx.x) - chunk * sizes.filter_blocks) * kChunkFilters;
    {
        const WeightCorner at = weight_corner(sizes.grid, chunk / kPatchChunks);
        const int place = thread / (kChunkFilters / 4), k = thread % (kChunkFilters / 4) * 4;
        const int row = chunk % kPatchChunks * kChunkRows + place / kWeightSide, i = place % kWeightSide;
        const int column = i / 4 + i % 4 * 2;
        const Float4 value = gradient_at(sizes, dy, at.image, at.row + row, at.column + column, filter + k);
#pragma unroll
        for (int j = 0; j < 4; ++j) square.at[k + j][place] = __uint_as_float(to_tf32(value.lane[j]));
    }
    __syncthreads();
    const int k = thread / (kChunkPixels / 4), place = thread % (kChunkPixels / 4) * 4;
    Float4 line;
#pragma unroll
    for (int j = 0; j < 4; ++j) line.lane[j] = square.at[k][place + j];
    const int64_t to = (int64_t{chunk} * sizes.K + filter + k) * kChunkPixels + place;
    *reinterpret_cast<Float4*>(transposed + to) = line;
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

size_t hopper_transposed_gradient_bytes(const Conv2dProblem& problem) {
    return static_cast<size_t>(kPatchChunks * weight_grid(problem).count * problem.K * kChunkPixels) *
           sizeof(float);
}

void transpose_gradient(cudaStream_t stream, const Conv2dProblem& problem, const float* dy,
                        const uint8_t* codes, float* transposed) {
    const ConvSizes whole(problem);
    const TransposeSizes sizes = {weight_grid(problem), whole.out_rows, whole.out_columns, whole.K,
                                  whole.K / kChunkFilters};
    const int64_t blocks = int64_t{kPatchChunks} * sizes.grid.count * sizes.filter_blocks;
    launch(transpose_gradient_kernel, blocks_for(blocks, 1), dim3(kThreads), sizeof(Square), stream, sizes,
           GradientReader<float>{dy, problem.pool ? codes : nullptr, true}, transposed);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
