// Matrix products of a batch.   y = op(a) op(b), where op transposes if asked
//
// a (M, K) or (K, M), b (K, N) or (N, K), y (M, N), row-major, f32; the matrices of a batch lie one behind the other.
// The tiled product of tiled_gemm.cuh: block (tile, matrix) makes 128 rows by 64 or 128 columns. An operand whose
// memory runs along the depth is transposed on its way into shared memory, the other kind lies there as it is. In both,
// rows that are aligned move in accesses of 16 bytes.
//
// Deterministic: one thread sums each output in order of depth.
#include <algorithm>
#include <type_traits>

#include "objloc/kernels/cuda/primitives/tiled_gemm.cuh"
#include "objloc/kernels/cuda/runtime/cuda_backend.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// One operand's matrix: `lines` rows of A, or columns of B, of `depth` elements. `vector` promises that fours of
/// neighbours in memory move together.
struct Matrix {
    const float* values;
    int lines, depth;
    bool vector;
};

/// A panel whose memory runs along the depth: values[line][depth].
template <int kExtent>
struct AlongDepth : DepthVectors<kExtent> {
    using DepthVectors<kExtent>::moving;
    const float* values;
    int lines, all_depth, first, at;
    bool vector;

    __device__ AlongDepth(const Matrix& matrix, int first_line)
        : values(matrix.values),
          lines(matrix.lines),
          all_depth(matrix.depth),
          first(first_line),
          at(this->depth()),
          vector(matrix.vector) {}

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < this->kCount; ++i) {
            const int line = first + this->row(i);
            const int count = line < lines ? all_depth - at : 0;
            moving[i] = load4(values + int64_t{line} * all_depth + at, count, vector);
        }
        at += kTileDepth;
    }
};

/// A panel whose memory runs along the lines: values[depth][line].
template <int kExtent>
struct AlongLines : RowVectors<kExtent> {
    using RowVectors<kExtent>::moving;
    const float* values;
    int lines, all_depth, line, first_depth = 0;
    bool vector;

    __device__ AlongLines(const Matrix& matrix, int first_line)
        : values(matrix.values),
          lines(matrix.lines),
          all_depth(matrix.depth),
          line(first_line + this->row()),
          vector(matrix.vector) {}

    __device__ void fetch() {
#pragma unroll
        for (int i = 0; i < this->kCount; ++i) {
            const int depth = first_depth + this->depth(i);
            const int count = depth < all_depth ? lines - line : 0;
            moving[i] = load4(values + int64_t{depth} * lines + line, count, vector);
        }
        first_depth += kTileDepth;
    }
};

template <int kTileColumns, typename PanelA, typename PanelB>
__global__ void __launch_bounds__(kGemmThreads)
    matmul_kernel(TileGrid grid, Matrix of_a, Matrix of_b, float* y, bool vector_y) {
    const int64_t matrix = blockIdx.y;
    const int M = of_a.lines, N = of_b.lines, K = of_a.depth;
    of_a.values += matrix * M * K;
    of_b.values += matrix * K * N;
    y += matrix * M * N;
    const int first_row = grid.first_row(), first_column = grid.first_column(kTileColumns);
    PanelA a(of_a, first_row);
    PanelB b(of_b, first_column);
    using Tile = ThreadTile<kTileColumns>;
    const Tile tile = multiply_panels<kTileColumns>(a, b, (K + kTileDepth - 1) / kTileDepth);
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
        const int row = first_row + Tile::row(i);
        if (row >= M) continue;
#pragma unroll
        for (int j = 0; j < Tile::kColumns; j += 4) {
            const int column = first_column + Tile::column(j);
            store4(y + int64_t{row} * N + column, tile.vector(i, j), N - column, vector_y);
        }
    }
}

/// Calls `run` with the type of the operand's panel.
template <int kExtent, typename Run>
void with_panel(bool along_depth, const Run& run) {
    if (along_depth) {
        run(static_cast<const AlongDepth<kExtent>*>(nullptr));
    } else {
        run(static_cast<const AlongLines<kExtent>*>(nullptr));
    }
}

template <int kTileColumns>
void run(cudaStream_t stream, const MatmulProblem& problem, const Matrix& a, const Matrix& b, float* y) {
    const int column_tiles = to_int32(ceil_div(problem.N, kTileColumns), "columns");
    const dim3 grid(blocks_for(ceil_div(problem.M, kTileRows) * column_tiles, 1).x,
                    static_cast<unsigned>(problem.batch));
    with_panel<kTileRows>(!problem.transpose_a, [&](auto* panel_a) {
        with_panel<kTileColumns>(problem.transpose_b, [&](auto* panel_b) {
            using A = std::remove_cvref_t<decltype(*panel_a)>;
            using B = std::remove_cvref_t<decltype(*panel_b)>;
            launch(matmul_kernel<kTileColumns, A, B>, grid, dim3(kGemmThreads),
                   gemm_shared_bytes(kTileColumns), stream, TileGrid{column_tiles}, a, b, y,
                   moves_by_four(y, problem.N));
        });
    });
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

void CudaBackend::matmul(const MatmulProblem& problem, const Tensor& a, const Tensor& b, const Tensor& y) {
    constexpr int64_t kMostMatrices = 65535;  // blocks along y
    if (y.count() == 0) return;
    const int K = to_int32(problem.K, "products");
    const int M = to_int32(problem.M, "rows"), N = to_int32(problem.N, "columns");
    for (int64_t first = 0; first < problem.batch; first += kMostMatrices) {
        MatmulProblem part = problem;
        part.batch = std::min(kMostMatrices, problem.batch - first);
        const float* from_a = a.data<float>() + first * M * K;
        const float* from_b = b.data<float>() + first * K * N;
        float* to = y.data<float>() + first * M * N;
        const Matrix of_a = {from_a, M, K, moves_by_four(from_a, problem.transpose_a ? M : K)};
        const Matrix of_b = {from_b, N, K, moves_by_four(from_b, problem.transpose_b ? K : N)};
        if (wide_tiles(N)) {
            run<kWide>(stream(), part, of_a, of_b, to);
        } else {
            run<kNarrow>(stream(), part, of_a, of_b, to);
        }
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
