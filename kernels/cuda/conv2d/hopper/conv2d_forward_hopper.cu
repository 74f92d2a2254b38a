// Convolution, forward, in bf16 or tf32 on Hopper, with bias, ReLU and 2x2 max pooling.
//     y[n,p,q,k] = act(bias[k] + sum over r,s,c of x[n, p+r-pad, q+s-pad, c] * w[r,s,c,k])
//
// x (N, H, W, C), w (R, S, C, K), y (N, out_rows, out_columns, K) bf16, or f32 to be rounded to tf32; bias
// (K) f32 or null; codes as y, u8. Stride 1, C and K multiples of 64.
//
// In tf32 wgmma takes operands only with the depth innermost, so the weights are transposed to (R, S, K, C)
// first.
//
// hopper_product.cuh says how the product is made. Here is what becomes of a tile's sums: a thread has two
// filters, so bias is two numbers; a pooling window is four of its registers, so bias, ReLU and maximum
// happen in fp32 in place. Then the bf16 results go through shared memory, where they are transposed so that
// filters lie side by side, and the copy engine writes them, leaving out what lies outside the image.
//
// Deterministic: one thread sums each output in order of (r, s, c). Ties: the first maximum in row-major
// order wins; code 4 says that ReLU clipped the whole window.
#include "objloc/kernels/cuda/conv2d/hopper/hopper_launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Sums 0 and 1 of four belong to the first filter of a thread, 2 and 3 to the second.
struct TwoFilters {
    float of[2];
};

__device__ TwoFilters bias_of(const float* bias, int first_line) {
    if (bias == nullptr) return {{0, 0}};
    return {{bias[first_line + wgmma_row(0)], bias[first_line + wgmma_row(2)]}};
}

template <size_t kSums>
__device__ void activate(float (&sums)[kSums], const TwoFilters& bias, bool relu) {
#pragma unroll
    for (int i = 0; i < static_cast<int>(kSums); ++i) {
        sums[i] += bias.of[i / 2 % 2];
        if (relu && sums[i] < 0) sums[i] = 0;  // NaN stays: it must reach the loss to be seen
    }
}

/// A window's maximum and which of its four pixels it was, 2 * row + column.
struct Pooled {
    float value;
    uint8_t code;
};

__device__ Pooled pooled(float above_left, float above_right, float below_left, float below_right,
                         bool relu) {
    Pooled best = {above_left, 0};
    if (above_right > best.value) best = {above_right, 1};
    if (below_left > best.value) best = {below_left, 2};
    if (below_right > best.value) best = {below_right, 3};
    if (relu && best.value <= 0) best.code = kPoolClipped;
    return best;
}

constexpr int kPooledPatch = kPatchPixels / 4;  // pixels
constexpr int kPooledColumns = kPatchColumns / 2;

/// A group's sums to `out`: pooled pixels (pixel, 64 filters), and their codes (pixel, 64) to `codes`. A row
/// of windows are two image rows, of which this thread holds, for each of two filters, one window. For bf16,
/// stmatrix stores 8x8 matrices, of which a register holds two neighbouring columns: they are windows of two
/// rows here, four windows of the one and four of the other make a matrix.
template <typename Tile>
__device__ void pool_to_out(const float (&sums)[extent(Tile::kSums)], bool relu, unsigned char* out,
                            int part_bytes, unsigned char* codes) {
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4, lane = static_cast<int>(threadIdx.x) % 32;
    constexpr int kRowSums = 4;  // of an image row
    constexpr bool kBf16 = sizeof(typename Tile::Element) == 2;
#pragma unroll
    for (int i = 0; i < Tile::kSums; i += 8 * kRowSums) {  // four rows of windows
        const int first_row = i / (2 * kRowSums);
        [[maybe_unused]] uint32_t words[4];
#pragma unroll
        for (int pair = 0; pair < 2; ++pair) {
#pragma unroll
            for (int filter = 0; filter < 2; ++filter) {
                float values[2];
#pragma unroll
                for (int one = 0; one < 2; ++one) {
                    const int row = 2 * pair + one, above = i + 2 * row * kRowSums + 2 * filter,
                              below = above + kRowSums;
                    const Pooled window =
                        pooled(sums[above], sums[above + 1], sums[below], sums[below + 1], relu);
                    values[one] = window.value;
                    const int pixel = (first_row + row) * kPooledColumns + lane % 4;
                    const int line = warp * 16 + lane / 4 + 8 * filter;
                    codes[pixel * kWgmmaRows + line] = window.code;
                    if (!kBf16) *out_float(out, part_bytes, pixel, line) = window.value;
                }
                words[2 * pair + filter] = pack_bf16(values[0], values[1]);
            }
        }
        if constexpr (kBf16) {
            const int row = first_row + lane / 16 * 2 + lane % 2, piece = 2 * warp + lane / 8 % 2;
            stmatrix_x4_trans(out_piece(out, row * kPooledColumns + lane % 8 / 2, piece), words);
        }
    }
}

/// What becomes of a tile's sums.
template <typename Tile>
struct ForwardFinish {
    const PatchGrid& grid;
    const TensorMap &map_y, &map_codes;
    const float* bias;
    bool relu, pool;

    __device__ void prepare(const GroupTile&) const {}

    __device__ void operator()(const GroupTile& tile, float (&sums)[extent(Tile::kSums)]) const {
        activate(sums, bias_of(bias, tile.line), relu);
        take_out(tile.group);
        constexpr int kPatch = kPooledPatch * kLineBytes, kPart = Tile::kGroupPatches * kPatch;
        unsigned char* codes = tile.out + Tile::kOutParts * kPart;
        if (pool) {
            pool_to_out<Tile>(sums, relu, tile.out, kPart, codes);
        } else {
            sums_to_out<Tile>(sums, tile.out);
        }
        send_out(tile.group, [&] {
            if (!pool) return store_patches<Tile>(map_y, grid, tile, Tile::kOutPart, kPatchBytes, 1);
            store_patches<Tile>(map_y, grid, tile, kPart, kPatch, 2);
#pragma unroll
            for (int i = 0; i < Tile::kGroupPatches; ++i) {
                const PatchCorner at = patch_corner(grid, tile.patch + i);
                tma_store_4d(map_codes, codes + i * kPooledPatch * kWgmmaRows, tile.line, at.column / 2,
                             at.row / 2, at.image);
            }
        });
    }
};

template <typename Tile, Layout kWeights>
__global__ void __launch_bounds__(kHopperThreads, 1)
    conv2d_forward_hopper_kernel(HopperConv conv, const __grid_constant__ TensorMap map_x,
                                 const __grid_constant__ TensorMap map_w, const float* bias, bool relu,
                                 bool pool, const __grid_constant__ TensorMap map_y,
                                 const __grid_constant__ TensorMap map_codes) {
    convolve<Tile, kWeights>(conv, map_x, map_w,
                             ForwardFinish<Tile>{conv.grid, map_y, map_codes, bias, relu, pool});
}

// ---- Launcher ---------------------------------------------------------------------------------------------

template <typename Element, Layout kWeights>
void forward(cudaStream_t stream, const Conv2dProblem& problem, const Element* x, const TensorMap& map_w,
             const float* bias, Element* y, uint8_t* codes, const HopperOptions& options) {
    const bool tall = shares_taps(options, problem);
    const PatchGrid grid(problem.N, problem.P(), problem.Q(), tall);
    const int in_rows = grid.rows + (tall ? kSharedTaps - 1 : 0);
    const TensorMap map_x = image_map(x, kOperand<Element>, problem.N, problem.H, problem.W, problem.C,
                                      kPatchColumns, in_rows, grid.images);
    const int shrink = problem.pool ? 2 : 1;
    const auto out_map = [&](const void* to, TensorElement element) {
        return image_map(to, element, problem.N, problem.out_rows(), problem.out_columns(), problem.K,
                         kPatchColumns / shrink, grid.rows / shrink, grid.images);
    };
    const TensorMap map_y = out_map(y, sizeof(Element) == 2 ? TensorElement::bf16 : TensorElement::f32);
    const TensorMap map_codes = problem.pool ? out_map(codes, TensorElement::u8) : map_y;
    const auto start = [&](auto tile, HopperConv conv, int blocks) {
        using Tile = decltype(tile);
        conv.first_row = -static_cast<int>(problem.pad_top);
        conv.first_column = -static_cast<int>(problem.pad_left);
        launch_clusters(conv2d_forward_hopper_kernel<Tile, kWeights>, Tile::kCluster,
                        dim3(static_cast<unsigned>(blocks)), dim3(kHopperThreads),
                        sizeof(typename Tile::Shared), stream, conv, map_x, map_w, bias, problem.relu,
                        problem.pool, map_y, map_codes);
    };
    launch_hopper<Element>(problem, grid, problem.K, problem.C, options, start);
}

}  // namespace

void conv2d_forward_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* x,
                           const __nv_bfloat16* w, const float* bias, __nv_bfloat16* y, uint8_t* codes,
                           const HopperOptions& options) {
    require_hopper_conv2d(problem);
    if (problem.N == 0) return;
    const TensorMap map_w = weight_map(w, TensorElement::bf16, problem.R * problem.S * problem.C, problem.K);
    forward<__nv_bfloat16, Layout::depth_outer>(stream, problem, x, map_w, bias, y, codes, options);
}

void conv2d_forward_hopper(cudaStream_t stream, const Conv2dProblem& problem, const float* x, const float* w,
                           const float* bias, float* y, uint8_t* codes, float* transposed,
                           const HopperOptions& options) {
    require_hopper_conv2d(problem);
    if (problem.N == 0) return;
    transpose_filters(stream, problem, w, transposed);
    const TensorMap map_w =
        weight_map(transposed, TensorElement::tf32, problem.R * problem.S * problem.K, problem.C);
    forward<float, Layout::depth_inner>(stream, problem, x, map_w, bias, y, codes, options);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
