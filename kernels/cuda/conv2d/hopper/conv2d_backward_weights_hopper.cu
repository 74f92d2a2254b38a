// Convolution, gradient of the weights, in bf16 on Hopper: hopper_weight_gradient.cuh with both operands as
// they lie in memory, their channels innermost, which the tensor cores take in bf16. An image row of a patch
// is one 1024-byte pattern, so tap r's operand begins r patterns further down.
#include "objloc/kernels/cuda/conv2d/hopper/hopper_weight_gradient.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- The product ------------------------------------------------------------------------------------------

template <int kTaps, int kColumns, Split kSplit>
using Bf16Tile = WeightTile<__nv_bfloat16, kTaps, kColumns, kSplit>;

struct Bf16Product {
    struct Registers {};  // none: both operands are in shared memory

    template <typename Tile>
    __device__ static void fetch_gradient(const WeightWork& work, unsigned char (*to)[kGradientBytes],
                                          MBarrier* full, const TensorMap& map_dy, int filter, int patch) {
        const WeightCorner at = weight_corner(work.grid, patch);
#pragma unroll
        for (int j = 0; j < Tile::kFilters / 64; ++j) {
            tma_load_4d(to[j], map_dy, full, filter + 64 * j, at.column, at.row, at.image);
        }
    }

    template <typename Tile, typename BeforeWaited>
    __device__ static void multiply(typename Tile::Stage& stage, int group, Registers&,
                                    WeightSums<Tile>& sums, bool accumulate,
                                    const BeforeWaited& before_waited) {
        const unsigned char* image = Tile::group_image(stage, group);
        const unsigned char* gradient = Tile::group_gradient(stage, group);
        wgmma_fence();
#pragma unroll
        for (int row = 0; row < kWeightSide; row += 2) {  // 16 pixels: two image rows
            const uint64_t b = wgmma_operand(gradient + row * kPatternBytes, kPatternBytes, kGradientBytes);
#pragma unroll
            for (int tap = 0; tap < Tile::kTaps; ++tap) {
                wgmma_bf16<extent(Tile::kColumns), Layout::depth_outer, Layout::depth_outer>(
                    sums[tap], wgmma_operand(image + (row + tap) * kPatternBytes, kPatternBytes), b,
                    accumulate || row > 0);
            }
        }
        wgmma_commit();
        wgmma_wait<1>(sums);
        before_waited();
    }
};

/// Calls `act(tile)` with the Bf16Tile that suits the problem: three taps share their stages where R is 3.
/// Of many channels and filters a large tile of one tap reads about as little, and less of shared memory.
/// (Three taps of 128 filters would be best, but 192 sums a thread do not fit into its registers.)
template <typename Act>
auto with_tile(const Conv2dProblem& problem, const Act& act) {
    const bool reuse = problem.R == 3, wide = problem.C % 128 == 0;
    if (wide && problem.K % 256 == 0) return act(Bf16Tile<1, 256, Split::channels>{});
    if (wide && reuse) return act(Bf16Tile<3, 64, Split::channels>{});
    if (problem.K % 128 == 0 && reuse) return act(Bf16Tile<3, 64, Split::filters>{});
    if (reuse) return act(Bf16Tile<3, 64, Split::pixels>{});
    return act(Bf16Tile<1, 64, Split::pixels>{});
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

size_t hopper_weight_gradient_bytes(const Conv2dProblem& problem, const HopperOptions& options) {
    return with_tile(problem,
                     [&](auto tile) { return weight_partial_bytes<decltype(tile)>(problem, options); });
}

void conv2d_backward_weights_hopper(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* x,
                                    const __nv_bfloat16* dy, float* dw, float* partials,
                                    const HopperOptions& options) {
    require_hopper_conv2d(problem);
    const TensorMap map_dy = image_map(dy, TensorElement::bf16, problem.N, problem.P(), problem.Q(),
                                       problem.K, kWeightSide, kWeightSide, 1);
    with_tile(problem, [&](auto tile) {
        launch_weight_gradient<Bf16Product, decltype(tile)>(stream, problem, x, map_dy, dw, partials,
                                                            options);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
