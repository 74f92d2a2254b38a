// Convolution, gradient of the weights, in tf32 on Hopper: hopper_weight_gradient.cuh where the pixels, over
// which is summed, lie outermost in memory, and wgmma takes tf32 out of shared memory only with them
// innermost.
//
//     dy           is transposed over beforehand (transpose_gradient.cu): 32 pixels of a filter are a line of 128
//                  bytes. A pooled gradient is spread in the same pass.
//     x            is the product's other operand, and that one may come from registers, to which the threads
//                  bring it from any place: no copy of x, and any tap of it. Eight pixels side by side are
//                  the depth of one instruction; while it works the next eight are loaded, and rounded.
//
//     the tile     64 channels by 64 filters by all nine taps of a 3x3 kernel. Three consumers have a column
//                  of taps each: a row of x, loaded once, is multiplied with the three rows of dy that its
//                  taps want, into three sets of sums. (Other kernels go tap by tap, two consumers sharing
//                  the pixels.)
//
// Why this tile: a stage is 2.36 million multiply-adds, 2304 cycles of a multiprocessor's tensor cores. It
// reads 42.0 KB of the second-level cache, which at 395 TFLOP/s asks for 3.5 TB/s; 128 channels by 256
// filters of one tap would ask for 9.3, and about 6 can be had. Shared memory moves 251 KB (x 3 * 20 KB, dy 3
// * 49 KB, and what comes in), 1960 cycles. The partials, 147 KB each, are 20 to 30 MB in all.
//
// What turning costs: for VGG16's conv1_2, 64 images, it reads 84 MB (pooled, with codes) and writes 268 MB,
// 82 us at 4.3 TB/s before a product whose floor is 196 us. For all its layers from conv1_2 on that is 0.32
// ms beside 1.62 ms of products: 83% of the peak at the very best. Turning x, too, would double it. All of
// this is reckoned, not measured.
#include "objloc/kernels/cuda/conv2d/hopper/hopper_weight_gradient.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- The product ------------------------------------------------------------------------------------------

template <int kTaps, int kColumns, Split kSplit>
using Tf32Tile = WeightTile<float, kTaps, kColumns, kSplit>;

/// This thread's part of 64 channels by eight pixels of x from `pixel` on, rounded to tf32. Depths 0 to 3 are
/// the even ones of these pixels, 4 to 7 the odd ones: then the 32 words that a warp reads at a time are in
/// 32 banks.
template <typename Tile>
__device__ void load_image_row(const unsigned char* image, int pixel, uint32_t (&a)[4]) {
    constexpr int kChannels = kLineChannels<float>;
    const int first = static_cast<int>(threadIdx.x) % 4 * 2, row = wgmma_row(0);
    const int piece = row % kChannels / 4;  // of channel `row`; two on is that of row + 8
    image += row / kChannels * Tile::kImageBytes + first * kLineBytes + row % 4 * 4;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const unsigned char* line = image + (pixel + i) * kLineBytes;
        // From the address, not from the pixel: else the compiler would keep all of a stage's in registers.
        const int swizzle = static_cast<int>(shared_address(line) / kLineBytes % 8);
        a[2 * i] = to_tf32(*reinterpret_cast<const float*>(line + (piece ^ swizzle) * 16));
        a[2 * i + 1] = to_tf32(*reinterpret_cast<const float*>(line + ((piece + 2) ^ swizzle) * 16));
    }
}

constexpr int kChunkRows = kChunkPixels / kWeightSide;

struct Tf32Product {
    /// Two rows of x: one that is multiplied, one that is being loaded.
    struct Registers {
        uint32_t a[2][4];
    };

    template <typename Tile>
    __device__ static void fetch_gradient(const WeightWork& work, unsigned char (*to)[kGradientBytes],
                                          MBarrier* full, const TensorMap& map_dy, int filter, int patch) {
        constexpr int kBlocks = Tile::kFilters / 64;
#pragma unroll
        for (int i = 0; i < kPatchChunks; ++i) {
#pragma unroll
            for (int j = 0; j < kBlocks; ++j) {
                tma_load_2d(to[i * kBlocks + j], map_dy, full, 0,
                            (patch * kPatchChunks + i) * work.K + filter + 64 * j);
            }
        }
    }

    template <typename Tile, typename BeforeWaited>
    __device__ static void multiply(typename Tile::Stage& stage, int group, Registers& registers,
                                    WeightSums<Tile>& sums, bool accumulate,
                                    const BeforeWaited& before_waited) {
        static_assert(Tile::kImageRows % 2 == 0, "the next stage begins with the registers that are free");
        constexpr int kChunkBytes = Tile::kFilters / 64 * kGradientBytes;
        const unsigned char* image = Tile::group_image(stage, group);
        const uint64_t gradient = wgmma_operand(Tile::group_gradient(stage, group), kPatternBytes);
        const int shift = Tile::kSplit == Split::shifts ? group : 0;
        load_image_row<Tile>(image, shift, registers.a[0]);
#pragma unroll
        for (int row = 0; row < Tile::kImageRows; ++row) {
            wgmma_fence();
#pragma unroll
            for (int tap = 0; tap < Tile::kTaps; ++tap) {
                const int p = row - tap;  // of dy
                if (p < 0 || p >= kWeightSide) continue;
                const int at = p / kChunkRows * kChunkBytes + p % kChunkRows * kInnerStep;
                wgmma_tf32<extent(Tile::kColumns)>(sums[tap], registers.a[row % 2],
                                                   wgmma_operand_at(gradient, at), accumulate || p > 0);
            }
            wgmma_commit();
            wgmma_wait<1>(sums);
            if (row == 0) before_waited();
            if (row + 1 < Tile::kImageRows) {
                load_image_row<Tile>(image, (row + 1) * Tile::kImageColumns + shift,
                                     registers.a[(row + 1) % 2]);
            }
        }
        __syncwarp();  // one lane will say that the stage is empty, for what all have read
    }
};

/// Calls `act(tile)` with the Tf32Tile that suits the problem.
template <typename Act>
auto with_tile(const Conv2dProblem& problem, const Act& act) {
    if (problem.R == 3 && problem.S == 3) return act(Tf32Tile<3, 64, Split::shifts>{});
    return act(Tf32Tile<1, 64, Split::pixels>{});
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

size_t hopper_weight_gradient_tf32_bytes(const Conv2dProblem& problem, const HopperOptions& options) {
    return with_tile(problem,
                     [&](auto tile) { return weight_partial_bytes<decltype(tile)>(problem, options); });
}

void conv2d_backward_weights_hopper_tf32(cudaStream_t stream, const Conv2dProblem& problem, const float* x,
                                         const float* transposed, float* dw, float* partials,
                                         const HopperOptions& options) {
    require_hopper_conv2d(problem);
    const int lines = to_int32(int64_t{kPatchChunks} * weight_grid(problem).count * problem.K, "lines of dy");
    const TensorMap map_dy = make_tensor_map(transposed, TensorElement::f32, true,
                                             {{kChunkPixels, 1, kChunkPixels}, {lines, kChunkPixels, 64}});
    with_tile(problem, [&](auto tile) {
        launch_weight_gradient<Tf32Product, decltype(tile)>(stream, problem, x, map_dy, dw, partials,
                                                            options);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
