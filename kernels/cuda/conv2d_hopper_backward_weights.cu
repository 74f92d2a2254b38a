// Convolution, gradient of the weights, in bf16 on Hopper.
//     dw[r,s,c,k] = sum over n,p,q of x[n, p+r-pad, q+s-pad, c] * dy[n,p,q,k]
//
// x (N, H, W, C), dy (N, P, Q, K) bf16; dw (R, S, C, K) f32. Stride 1, C and K multiples of 64.
//
// A product whose depth are the pixels: 64 input channels (rows) by 64 or 256 filters (columns) for each tap.
// Both operands come as they lie in memory, their channels innermost, which the tensor cores take in bf16.
// (tf32 would want the pixels innermost.) A stage is a patch of 8 x 8 pixels of dy and, moved by the tap, of
// x; outside the image the copy engine fetches zeros.
//
//     tap reuse    three taps that lie above each other share a stage: x's patch is two rows higher than
//                  dy's, and an image row of it is one 1024-byte pattern, so tap r's operand begins r
//                  patterns further down. That is a third of the reads of dy, and 10 rows of x in place of
//                  24. It takes three sets of sums.
//
// A block is a producer and two consumer warpgroups, as in hopper_product.cuh. The consumers share a stage:
// each takes half of the tile's channels, or of its filters, or, where there are only 64 of both, of the
// stage's pixels.
//
// Stream-K: there are few tiles and many pixels, so all (tile, patch) pairs are put in one row and cut into
// as many equal pieces as there are blocks. A block's piece covers the end of one tile, perhaps some whole
// ones, and the start of another; the sums of each such segment go to a slot of their own, number
// tile + block, which no other segment has. A second kernel adds each tile's slots.
//
// Deterministic: the pieces follow from the problem and the number of blocks, which is fixed at 132 whatever
// the GPU; pixels are summed in order within a segment, segments in order after that. Reference: Osama et
// al., "Stream-K: Work-centric parallel decomposition for dense matrix-matrix multiplication on the GPU",
// 2023.
#include <algorithm>

#include "kernels/cuda/hopper_product.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Tiles ------------------------------------------------------------------------------------------------

constexpr int kSide = 8;  // of a patch
constexpr int kGradientBytes = kSide * kPatternBytes;

/// What the two consumers share out between them.
enum class Split { channels, filters, pixels };

template <int kTaps_, int kColumns_, Split kSplit_>
struct WeightTile {
    static constexpr int kTaps = kTaps_;  // above each other
    static constexpr int kColumns = kColumns_;
    static constexpr Split kSplit = kSplit_;
    static constexpr int kChannels = kSplit == Split::channels ? 128 : 64;
    static constexpr int kFilters = kSplit == Split::filters ? 2 * kColumns : kColumns;
    static constexpr int kPatches = kSplit == Split::pixels ? 2 : 1;  // of a stage
    static constexpr int kImageBytes = (kSide + kTaps - 1) * kPatternBytes;
    static constexpr int kImageBoxes = kPatches * kChannels / 64;
    static constexpr int kGradientBoxes = kPatches * kFilters / 64;
    static constexpr int kStageBytes = kImageBoxes * kImageBytes + kGradientBoxes * kGradientBytes;
    static constexpr int kStages = std::min(6, 220 * 1024 / kStageBytes);
    static constexpr int kGroupSums = kTaps * 64 * kColumns;  // of a consumer
    static constexpr int kSlot = kConsumerGroups * kGroupSums;

    struct Stage {
        unsigned char image[extent(kImageBoxes)][extent(kImageBytes)];
        unsigned char gradient[extent(kGradientBoxes)][extent(kGradientBytes)];
    };
    struct Shared {
        Stage stage[extent(kStages)];
        MBarrier full[extent(kStages)], empty[extent(kStages)];
    };
};

/// The work: `steps` stages for each tile, all tiles in a row, `blocks` equal pieces.
struct WeightWork {
    int C, K, R, S, pad_top, pad_left;
    int down, across;  // patches of an image
    int channel_tiles, filter_tiles, tiles, steps, blocks;

    /// The first pair of tile and step of a block's piece; the first `pairs % blocks` pieces are one longer.
    __host__ __device__ int piece(int block) const {
        const int pairs = tiles * steps, rest = pairs % blocks;
        return pairs / blocks * block + (block < rest ? block : rest);
    }
    /// The block whose piece holds this pair.
    __host__ __device__ int block_of(int pair) const {
        const int pairs = tiles * steps, length = pairs / blocks, rest = pairs % blocks;
        const int in_longer = pair / (length + 1);
        return in_longer < rest ? in_longer : rest + (pair - rest * (length + 1)) / length;
    }
};

/// A tile's first tap, channel and filter.
struct WeightPlace {
    int r, s, channel, filter;
};

template <typename Tile>
__device__ WeightPlace weight_place(const WeightWork& work, int tile) {
    const int row = tile / work.filter_tiles, taps = row / work.channel_tiles;
    const int r = taps / work.S;
    return {r * Tile::kTaps, taps - r * work.S, (row - taps * work.channel_tiles) * Tile::kChannels,
            (tile - row * work.filter_tiles) * Tile::kFilters};
}

/// Calls `act(tile, first step, end)` for each segment of this block's piece.
template <typename Act>
__device__ void for_each_segment(const WeightWork& work, const Act& act) {
    const int block = static_cast<int>(blockIdx.x);
    int pair = work.piece(block);
    const int end = work.piece(block + 1);
    while (pair < end) {
        const int tile = pair / work.steps, first = pair - tile * work.steps;
        const int last = end - pair < work.steps - first ? first + end - pair : work.steps;
        act(tile, first, last);
        pair += last - first;
    }
}

// ---- Kernels ----------------------------------------------------------------------------------------------

template <typename Tile>
__device__ void fetch_stage(const WeightWork& work, typename Tile::Stage& stage, MBarrier* full,
                            const TensorMap& map_x, const TensorMap& map_dy, const WeightPlace& place,
                            int step) {
#pragma unroll
    for (int i = 0; i < Tile::kPatches; ++i) {
        // Beyond the last patch it is the image after the last one: zeros.
        const int patch = step * Tile::kPatches + i;
        const int line = patch / work.across, image = line / work.down;
        const int row = (line - image * work.down) * kSide, column = (patch - line * work.across) * kSide;
#pragma unroll
        for (int j = 0; j < Tile::kChannels / 64; ++j) {
            tma_load_4d(stage.image[i + j], map_x, full, place.channel + 64 * j,
                        column + place.s - work.pad_left, row + place.r - work.pad_top, image);
        }
#pragma unroll
        for (int j = 0; j < Tile::kFilters / 64; ++j) {
            tma_load_4d(stage.gradient[i * (Tile::kFilters / 64) + j], map_dy, full, place.filter + 64 * j,
                        column, row, image);
        }
    }
}

template <typename Tile>
using WeightSums = float[extent(Tile::kTaps)][extent(Tile::kColumns / 2)];

/// One stage's 64 pixels, started and not waited for.
template <typename Tile>
__device__ void multiply_pixels(const typename Tile::Stage& stage, int group, WeightSums<Tile>& sums,
                                bool accumulate) {
    const unsigned char* image = stage.image[Tile::kSplit == Split::filters ? 0 : group];
    const int blocks = Tile::kSplit == Split::channels ? 0 : group * (Tile::kColumns / 64);
    const unsigned char* gradient = stage.gradient[blocks];
#pragma unroll
    for (int step = 0; step < kSide / 2; ++step) {  // 16 pixels: two image rows
        const uint64_t b = wgmma_operand(gradient + 2 * step * kPatternBytes, kPatternBytes, kGradientBytes);
#pragma unroll
        for (int tap = 0; tap < Tile::kTaps; ++tap) {
            wgmma_bf16<extent(Tile::kColumns), Layout::depth_outer, Layout::depth_outer>(
                sums[tap], wgmma_operand(image + (2 * step + tap) * kPatternBytes, kPatternBytes), b,
                accumulate || step > 0);
        }
    }
}

/// A group's sums to its half of the slot (tap, channel, filter).
template <typename Tile>
__device__ void sums_to_slot(const WeightSums<Tile>& sums, float* slot) {
#pragma unroll
    for (int tap = 0; tap < Tile::kTaps; ++tap) {
#pragma unroll
        for (int i = 0; i < Tile::kColumns / 2; i += 2) {
            const int row = tap * 64 + wgmma_row(i);
            *reinterpret_cast<float2*>(slot + row * Tile::kColumns + wgmma_column(i)) =
                make_float2(sums[tap][i], sums[tap][i + 1]);
        }
    }
}

template <typename Tile>
__global__ void __launch_bounds__(kHopperThreads, 1)
    conv2d_hopper_backward_weights_kernel(WeightWork work, const __grid_constant__ TensorMap map_x,
                                          const __grid_constant__ TensorMap map_dy, float* slots) {
    auto& shared = shared_memory<typename Tile::Shared>();
    if (threadIdx.x == 0) {
        for (int i = 0; i < Tile::kStages; ++i) {
            mbarrier_init(&shared.full[i], 1);
            mbarrier_init(&shared.empty[i], kConsumerGroups * kWarpgroupThreads / 32);
        }
    }
    __syncthreads();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
    RingPlace ring;
    if (warpgroup == 0) {
        shrink_registers<kProducerRegisters>();
        if (threadIdx.x == 0) {
            for_each_segment(work, [&](int tile, int first, int end) {
                const WeightPlace place = weight_place<Tile>(work, tile);
                for (int step = first; step < end; ++step) {
                    MBarrier* full = &shared.full[ring.stage];
                    mbarrier_wait(&shared.empty[ring.stage], ring.parity ^ 1);
                    mbarrier_arrive_expect(full, Tile::kStageBytes);
                    fetch_stage<Tile>(work, shared.stage[ring.stage], full, map_x, map_dy, place, step);
                    ring.advance<Tile::kStages>();
                }
            });
        }
    } else {
        grow_registers<kConsumerRegisters>();
        const int group = warpgroup - 1;
        for_each_segment(work, [&](int tile, int first, int end) {
            WeightSums<Tile> sums;
            MBarrier* before = nullptr;
            for (int step = first; step < end; ++step) {
                mbarrier_wait(&shared.full[ring.stage], ring.parity);
                wgmma_fence();
                multiply_pixels<Tile>(shared.stage[ring.stage], group, sums, step > first);
                wgmma_commit();
                wgmma_wait<1>(sums);
                if (step > first) release_stage(before);
                before = &shared.empty[ring.stage];
                ring.advance<Tile::kStages>();
            }
            wgmma_wait<0>(sums);
            release_stage(before);
            const int64_t slot = int64_t{tile} + blockIdx.x;
            sums_to_slot<Tile>(sums, slots + slot * Tile::kSlot + group * Tile::kGroupSums);
        });
    }
}

constexpr int kReduceThreads = 256;

/// Four filters of dw: the sum of their tile's slots, in order.
template <typename Tile>
__global__ void __launch_bounds__(kReduceThreads)
    add_weight_slots_kernel(WeightWork work, const float* slots, float* dw) {
    const int64_t element = (int64_t{blockIdx.x} * kReduceThreads + threadIdx.x) * 4;
    if (element >= int64_t{work.R} * work.S * work.C * work.K) return;
    const int64_t row = element / work.K;
    const int k = static_cast<int>(element - row * work.K), rs = static_cast<int>(row / work.C);
    const int c = static_cast<int>(row - int64_t{rs} * work.C), r = rs / work.S, s = rs - r * work.S;
    const int channel_tile = c / Tile::kChannels, filter_tile = k / Tile::kFilters;
    const int taps = r / Tile::kTaps * work.S + s;
    const int tile = (taps * work.channel_tiles + channel_tile) * work.filter_tiles + filter_tile;

    const int within = k - filter_tile * Tile::kFilters;
    const int group = Tile::kSplit == Split::channels  ? c % Tile::kChannels / 64
                      : Tile::kSplit == Split::filters ? within / Tile::kColumns
                                                       : 0;
    const int place =
        group * Tile::kGroupSums + (r % Tile::kTaps * 64 + c % 64) * Tile::kColumns + within % Tile::kColumns;
    constexpr int kParts = Tile::kSplit == Split::pixels ? 2 : 1;
    Float4 sum = {{0, 0, 0, 0}};
    const int last = work.block_of((tile + 1) * work.steps - 1);
    for (int block = work.block_of(tile * work.steps); block <= last; ++block) {
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const float* slot = slots + (int64_t{tile} + block) * Tile::kSlot + part * Tile::kGroupSums;
            const Float4 value = *reinterpret_cast<const Float4*>(slot + place);
#pragma unroll
            for (int i = 0; i < 4; ++i) sum.lane[i] += value.lane[i];
        }
    }
    *reinterpret_cast<Float4*>(dw + element) = sum;
}

// ---- Launcher ---------------------------------------------------------------------------------------------

constexpr int kWeightBlocks = 132;  // the multiprocessors of a Hopper; the same everywhere, for the same bits

template <typename Tile>
WeightWork weight_work(const Conv2dProblem& problem, const HopperOptions& options) {
    const auto patches = [](int64_t pixels) { return static_cast<int>(ceil_div(pixels, kSide)); };
    WeightWork work = {to_int32(problem.C, "channels"),
                       to_int32(problem.K, "filters"),
                       static_cast<int>(problem.R),
                       static_cast<int>(problem.S),
                       static_cast<int>(problem.pad_top),
                       static_cast<int>(problem.pad_left),
                       patches(problem.P()),
                       patches(problem.Q()),
                       0,
                       0,
                       0,
                       0,
                       0};
    work.channel_tiles = work.C / Tile::kChannels;
    work.filter_tiles = work.K / Tile::kFilters;
    work.tiles = work.R / Tile::kTaps * work.S * work.channel_tiles * work.filter_tiles;
    work.steps = to_int32(ceil_div(problem.N * work.down * work.across, Tile::kPatches), "patches");
    const int pairs = to_int32(int64_t{work.tiles} * work.steps, "patches of all tiles");
    const int blocks = options.blocks > 0 ? options.blocks : kWeightBlocks;
    work.blocks = std::min(pairs, blocks);
    return work;
}

/// Calls `act(tile)` with the WeightTile that suits the problem: three taps share their stages where R is 3.
/// Of many channels and filters a large tile of one tap reads about as little, and less of shared memory.
/// (Three taps of 128 filters would be best, but 192 sums a thread do not fit into its registers.)
template <typename Act>
auto with_weight_tile(const Conv2dProblem& problem, const Act& act) {
    const bool reuse = problem.R == 3, wide = problem.C % 128 == 0;
    if (wide && problem.K % 256 == 0) return act(WeightTile<1, 256, Split::channels>{});
    if (wide && reuse) return act(WeightTile<3, 64, Split::channels>{});
    if (problem.K % 128 == 0 && reuse) return act(WeightTile<3, 64, Split::filters>{});
    if (reuse) return act(WeightTile<3, 64, Split::pixels>{});
    return act(WeightTile<1, 64, Split::pixels>{});
}

}  // namespace

size_t hopper_weight_gradient_bytes(const Conv2dProblem& problem, const HopperOptions& options) {
    return with_weight_tile(problem, [&](auto tile) {
        const WeightWork work = weight_work<decltype(tile)>(problem, options);
        return static_cast<size_t>(work.tiles + work.blocks) * static_cast<size_t>(tile.kSlot) *
               sizeof(float);
    });
}

void conv2d_hopper_backward_weights(cudaStream_t stream, const Conv2dProblem& problem, const __nv_bfloat16* x,
                                    const __nv_bfloat16* dy, float* dw, float* slots,
                                    const HopperOptions& options) {
    require_hopper_conv2d(problem);
    with_weight_tile(problem, [&](auto tile) {
        using Tile = decltype(tile);
        const WeightWork work = weight_work<Tile>(problem, options);
        const TensorMap map_x = image_map(x, TensorElement::bf16, problem.N, problem.H, problem.W, problem.C,
                                          kSide, kSide + Tile::kTaps - 1, 1);
        const TensorMap map_dy = image_map(dy, TensorElement::bf16, problem.N, problem.P(), problem.Q(),
                                           problem.K, kSide, kSide, 1);
        launch(conv2d_hopper_backward_weights_kernel<Tile>, dim3(static_cast<unsigned>(work.blocks)),
               dim3(kHopperThreads), sizeof(typename Tile::Shared), stream, work, map_x, map_dy, slots);
        const int64_t count = problem.R * problem.S * problem.C * problem.K;
        launch(add_weight_slots_kernel<Tile>, blocks_for(count, 4 * kReduceThreads), dim3(kReduceThreads), 0,
               stream, work, slots, dw);
    });
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
