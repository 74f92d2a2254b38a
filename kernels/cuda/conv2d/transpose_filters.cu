// Weights with channels and filters exchanged.   transposed[r,s,k,c] = w[r,s,c,k]
//
// w (R, S, C, K), transposed (R, S, K, C) f32; C and K multiples of 32. A block turns 32 x 32 through shared
// memory, so that both sides are read and written in rows; rows there are 33 long, so that a column meets
// every bank.
#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kSide = 32, kRows = 8;

struct Square {
    float at[kSide][kSide + 1];
};

__global__ void __launch_bounds__(kSide* kRows)
    transpose_filters_kernel(int C, int K, const float* w, float* transposed) {
    Square& square = shared_memory<Square>();
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    const int k = static_cast<int>(blockIdx.x) * kSide, c = static_cast<int>(blockIdx.y) * kSide;
    const int64_t tap = int64_t{blockIdx.z} * C * K;
#pragma unroll
    for (int row = 0; row < kSide; row += kRows)
        square.at[row + y][x] = w[tap + int64_t{c + row + y} * K + k + x];
    __syncthreads();
#pragma unroll
    for (int row = 0; row < kSide; row += kRows) {
        transposed[tap + int64_t{k + row + y} * C + c + x] = square.at[x][row + y];
    }
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void transpose_filters(cudaStream_t stream, const Conv2dProblem& problem, const float* w, float* transposed) {
    const auto blocks = [](int64_t channels) { return static_cast<unsigned>(channels / kSide); };
    const dim3 grid(blocks(problem.K), blocks(problem.C), static_cast<unsigned>(problem.R * problem.S));
    launch(transpose_filters_kernel, grid, dim3(kSide, kRows), sizeof(Square), stream,
           static_cast<int>(problem.C), static_cast<int>(problem.K), w, transposed);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
