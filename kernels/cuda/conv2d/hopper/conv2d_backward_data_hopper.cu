// Convolution, gradient of the input, in bf16 or tf32 on Hopper.
//     dx[n,h,w,c] = sum over r,s,k of dy[n, h+pad-r, w+pad-s, k] * w[r,s,c,k]; then 0 where
//     relu_source[n,h,w,c] <= 0
//
// dy (N, P, Q, K), w (R, S, C, K), relu_source (N, H, W, C) or null, dx (N, H, W, C), all bf16, or f32 to be
// rounded to tf32. Stride 1, C and K multiples of 64.
//
// The forward product (hopper_product.cuh) with the taps transposed round: lines are the input's channels, the
// depth runs over the filters, and tap (r, s) moves a patch of dy up and to the left. The weights need no
// other copy: of a 64 x 64 box of (R, S, C, K) the depth is now the innermost side, which the tensor cores
// take as well.
//
// relu_source comes by the copy engine into the very place where the result will lie, while the product runs.
// A warp reads it with ldmatrix as it will write its sums with stmatrix, so each thread meets the source of
// its own sums.
//
// Deterministic: a gather; one thread sums each output in order of (r, s, k).
#include "objloc/kernels/cuda/conv2d/hopper/hopper_launch.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Kernels ----------------------------------------------------------------------------------------------

/// Two gradients, 0 where the two bf16 values in `source` are not above 0.
__device__ uint32_t masked(float low, float high, uint32_t source) {
    const auto value = [](uint32_t bits) { return __uint_as_float(bits); };
    return pack_bf16(value(source << 16) > 0 ? low : 0.0f, value(source & 0xFFFF0000u) > 0 ? high : 0.0f);
}

/// As sums_to_out, over the source that lies there.
template <typename Tile>
__device__ void masked_sums_to_out(const float (&sums)[extent(Tile::kSums)], unsigned char* out) {
    if constexpr (sizeof(typename Tile::Element) == 4) {
#pragma unroll
        for (int i = 0; i < Tile::kSums; ++i) {
            float* place = out_float(out, Tile::kOutPart, wgmma_column(i), wgmma_row(i));
            *place = *place > 0 ? sums[i] : 0.0f;
        }
    } else {
        const int warp = static_cast<int>(threadIdx.x) / 32 % 4, lane = static_cast<int>(threadIdx.x) % 32;
        const int piece = 2 * warp + lane / 8 % 2;
#pragma unroll
        for (int i = 0; i < Tile::kSums; i += 8) {
            unsigned char* place = out_piece(out, 2 * i + lane / 16 * 8 + lane % 8, piece);
            const Fragment4 source = ldmatrix_x4_trans(place);
            uint32_t words[4];
#pragma unroll
            for (int j = 0; j < 4; ++j)
                words[j] = masked(sums[i + 2 * j], sums[i + 2 * j + 1], source.word[j]);
            stmatrix_x4_trans(place, words);
        }
    }
}

/// What becomes of a tile's sums.
template <typename Tile>
struct DataFinish {
    const PatchGrid& grid;
    const TensorMap &map_dx, &map_source;
    bool mask;

    /// Starts to fetch the source to where the last tile's result has left.
    __device__ void prepare(const GroupTile& tile) const {
        if (!mask || threadIdx.x % kWarpgroupThreads != 0) return;
        tma_store_wait<0>();
        mbarrier_arrive_expect(tile.fetched, Tile::kOutBytes);
#pragma unroll
        for (int i = 0; i < Tile::kGroupPatches; ++i) {
            const PatchCorner at = patch_corner(grid, tile.patch + i);
#pragma unroll
            for (int part = 0; part < Tile::kOutParts; ++part) {
                tma_load_4d(tile.out + part * Tile::kOutPart + i * kPatchBytes, map_source, tile.fetched,
                            tile.line + part * Tile::kDepthStep, at.column, at.row, at.image);
            }
        }
    }

    __device__ void operator()(const GroupTile& tile, float (&sums)[extent(Tile::kSums)]) const {
        if (mask) {
            mbarrier_wait(tile.fetched, tile.parity);
            masked_sums_to_out<Tile>(sums, tile.out);
        } else {
            take_out(tile.group);
            sums_to_out<Tile>(sums, tile.out);
        }
        send_out(tile.group,
                 [&] { store_patches<Tile>(map_dx, grid, tile, Tile::kOutPart, kPatchBytes, 1); });
    }
};

template <typename Tile>
__global__ void __launch_bounds__(kHopperThreads, 1)
    conv2d_backward_data_hopper_kernel(HopperConv conv, const __grid_constant__ TensorMap map_dy,
                                       const __grid_constant__ TensorMap map_w, bool mask,
                                       const __grid_constant__ TensorMap map_source,
                                       const __grid_constant__ TensorMap map_dx) {
    convolve<Tile, Layout::depth_inner>(conv, map_dy, map_w,
                                        DataFinish<Tile>{conv.grid, map_dx, map_source, mask});
}

// ---- Launcher ---------------------------------------------------------------------------------------------

template <typename Element>
void backward_data(cudaStream_t stream, const Conv2dProblem& problem, const Element* dy, const Element* w,
                   const Element* relu_source, Element* dx, const HopperOptions& options) {
    require_hopper_conv2d(problem);
    if (problem.N == 0) return;
    const bool tall = shares_taps(options, problem);
    const PatchGrid grid(problem.N, problem.H, problem.W, tall);
    const int in_rows = grid.rows + (tall ? kSharedTaps - 1 : 0);
    const auto map = [&](const Element* images, TensorElement element, int64_t columns, int64_t channels,
                         int64_t rows, int box_rows) {
        return image_map(images, element, problem.N, rows, columns, channels, kPatchColumns, box_rows,
                         grid.images);
    };
    const auto exact = [&](const Element* images) {
        constexpr TensorElement kExact = sizeof(Element) == 2 ? TensorElement::bf16 : TensorElement::f32;
        return map(images, kExact, problem.W, problem.C, problem.H, grid.rows);
    };
    const TensorMap map_dy = map(dy, kOperand<Element>, problem.Q(), problem.K, problem.P(), in_rows);
    const TensorMap map_w = weight_map(w, kOperand<Element>, problem.R * problem.S * problem.C, problem.K);
    const TensorMap map_dx = exact(dx), map_source = relu_source ? exact(relu_source) : map_dx;
    const auto start = [&](auto tile, HopperConv conv, int blocks) {
        using Tile = decltype(tile);
        conv.first_row = static_cast<int>(problem.pad_top);
        conv.first_column = static_cast<int>(problem.pad_left);
        conv.direction = -1;
        launch_clusters(conv2d_backward_data_hopper_kernel<Tile>, Tile::kCluster,
                        dim3(static_cast<unsigned>(blocks)), dim3(kHopperThreads),
                        sizeof(typename Tile::Shared), stream, conv, map_dy, map_w, relu_source != nullptr,
                        map_source, map_dx);
    };
    launch_hopper<Element>(problem, grid, problem.C, problem.K, options, start);
}

}  // namespace

void conv2d_backward_data_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* dy,
                                 const __nv_bfloat16* w, const __nv_bfloat16* relu_source, __nv_bfloat16* dx,
                                 const HopperOptions& options) {
    backward_data(stream, problem, dy, w, relu_source, dx, options);
}

void conv2d_backward_data_hopper(cudaStream_t stream, const Conv2dProblem& problem, const float* dy,
                                 const float* w, const float* relu_source, float* dx,
                                 const HopperOptions& options) {
    backward_data(stream, problem, dy, w, relu_source, dx, options);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
