// Convolution, gradient of the weights, on Hopper's tensor cores: what its bf16 and its tf32 version share.
//     dw[r,s,c,k] = sum over n,p,q of x[n, p+r-pad, q+s-pad, c] * dy[n,p,q,k]
//
// x (N, H, W, C), dy (N, P, Q, K), both bf16 or both f32; dw (R, S, C, K) f32. Stride 1, C and K multiples of
// 64.
//
// A product whose depth are the pixels: input channels (rows) by filters (columns) for each tap. A stage is a
// patch of 8 x 8 pixels of dy and, moved by the tap, of x; outside the image the copy engine fetches zeros.
//
//     tap reuse    three taps that lie above each other share a stage: x's patch is two rows higher than
//                  dy's, and tap r takes its rows r and on. That is a third of the reads of dy, and 10 rows
//                  of x in place of 24. It takes three sets of sums.
//
// A block is a producer and two consumer warpgroups, as in hopper_product.cuh. The consumers share a stage:
// each takes half of the tile's channels, or of its filters, or, where there are only 64 of both, of the
// stage's pixels. Or there are three, each with one of three taps side by side ("shifts"), for which x's
// patch is two columns wider.
//
// Stream-K: there are few tiles and many pixels, so all (tile, patch) pairs are put in one row and cut into
// as many equal pieces as there are blocks. A block's piece covers the end of one tile, perhaps some whole
// ones, and the start of another; the sums of each such segment go to a partial of their own, number
// tile + block, which no other segment has. A second kernel adds each tile's partials.
//
// Deterministic: the pieces follow from the problem and the number of blocks, which is fixed at 132 whatever
// the GPU; pixels are summed in order within a segment, segments in order after that. Reference: Osama et
// al., "Stream-K: Work-centric parallel decomposition for dense matrix-matrix multiplication on the GPU",
// 2023.
//
// What differs, how dy lies in memory and how a stage is multiplied, is a `Product`:
//     struct Registers                      what it keeps in registers from stage to stage
//     fetch_gradient<Tile>(...)             the producer's loads of one patch of dy
//     multiply<Tile>(..., before_waited)    a stage's products; calls `before_waited` once those of the stage
//                                           before are done, and leaves no more than one group on its way
#pragma once

#include <algorithm>

#include "objloc/kernels/cuda/conv2d/hopper/hopper_product.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- Tiles ------------------------------------------------------------------------------------------------

constexpr int kWeightSide = 8;                               // of a patch
constexpr int kGradientBytes = kWeightSide * kPatternBytes;  // of a box of dy: 64 lines of 128 bytes

/// In tf32: the pixels of dy that lie side by side (transpose_gradient.cu), 128 bytes, and how many times that a
/// patch is.
constexpr int kChunkPixels = 32, kPatchChunks = kWeightSide * kWeightSide / kChunkPixels;

/// What the consumers share out among them.
enum class Split { channels, filters, pixels, shifts };

template <typename Element_, int kTaps_, int kColumns_, Split kSplit_>
struct WeightTile {
    using Element = Element_;
    static constexpr int kTaps = kTaps_;  // above each other
    static constexpr int kColumns = kColumns_;
    static constexpr Split kSplit = kSplit_;
    static constexpr int kChannels = kSplit == Split::channels ? 128 : 64;
    static constexpr int kFilters = kSplit == Split::filters ? 2 * kColumns : kColumns;
    static constexpr int kPatches = kSplit == Split::pixels ? 2 : 1;  // of a stage
    static constexpr int kShifts = kSplit == Split::shifts ? 3 : 1;   // taps side by side
    static constexpr int kConsumers = kSplit == Split::shifts ? 3 : kConsumerGroups;
    static constexpr int kThreads = (1 + kConsumers) * kWarpgroupThreads;
    /// Of 65,536 that all threads share.
    static constexpr int kFetchRegisters = kConsumers == kConsumerGroups ? kProducerRegisters : 24;
    static constexpr int kSumRegisters = kConsumers == kConsumerGroups ? kConsumerRegisters : 160;
    /// Boxes that 64 channels of a patch of x take, and 64 filters of one of dy: 128 bytes are half of that
    /// in f32.
    static constexpr int kParts = 64 / kLineChannels<Element>;
    static constexpr int kImageRows = kWeightSide + kTaps - 1, kImageColumns = kWeightSide + kShifts - 1;
    static constexpr int kImageBoxBytes = kImageRows * kImageColumns * kLineBytes;
    static constexpr int kImageBytes = (kImageBoxBytes + kPatternBytes - 1) / kPatternBytes * kPatternBytes;
    static constexpr int kImageBoxes = kPatches * kChannels / 64 * kParts;
    static constexpr int kGradientBoxes = kPatches * kFilters / 64 * kParts;
    static constexpr int kFetchedBytes = kImageBoxes * kImageBoxBytes + kGradientBoxes * kGradientBytes;
    static constexpr int kGroupSums = kTaps * 64 * kColumns;  // of a consumer
    static constexpr int kPartial = kConsumers * kGroupSums;

    struct Stage {
        unsigned char image[extent(kImageBoxes)][extent(kImageBytes)];           // [patch, channels]
        unsigned char gradient[extent(kGradientBoxes)][extent(kGradientBytes)];  // [patch, filters]
    };
    static constexpr int kStages = std::min(6, 220 * 1024 / static_cast<int>(sizeof(Stage)));
    struct Shared {
        Stage stage[extent(kStages)];
        MBarrier full[extent(kStages)], empty[extent(kStages)];
    };

    /// The first boxes of x and of dy that a consumer multiplies.
    __device__ static unsigned char* group_image(Stage& stage, int group) {
        constexpr bool kOwn = kSplit == Split::channels || kSplit == Split::pixels;
        return stage.image[kOwn ? group * kParts : 0];
    }
    __device__ static const unsigned char* group_gradient(const Stage& stage, int group) {
        if (kSplit == Split::filters) return stage.gradient[group * (kColumns / 64)];
        return stage.gradient[kSplit == Split::pixels ? group * (kGradientBoxes / kPatches) : 0];
    }
};

template <typename Tile>
using WeightSums = float[extent(Tile::kTaps)][extent(Tile::kColumns / 2)];

/// How dy is cut into patches, numbered row by row, then image by image.
struct WeightGrid {
    int down, across, count;  // patches of an image, of all
};

inline WeightGrid weight_grid(const Conv2dProblem& problem) {
    const int64_t down = ceil_div(problem.P(), kWeightSide), across = ceil_div(problem.Q(), kWeightSide);
    return {static_cast<int>(down), static_cast<int>(across), to_int32(problem.N * down * across, "patches")};
}

/// A patch's first pixel.
struct WeightCorner {
    int image, row, column;
};
__device__ inline WeightCorner weight_corner(const WeightGrid& grid, int patch) {
    const int line = patch / grid.across, image = line / grid.down;
    return {image, (line - image * grid.down) * kWeightSide, (patch - line * grid.across) * kWeightSide};
}

/// The work: `steps` stages for each tile, all tiles in a row, `blocks` equal pieces.
struct WeightWork {
    WeightGrid grid;
    int C, K, R, S, pad_top, pad_left;
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
    const int shifts = work.S / Tile::kShifts, r = taps / shifts;
    return {r * Tile::kTaps, (taps - r * shifts) * Tile::kShifts,
            (row - taps * work.channel_tiles) * Tile::kChannels,
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

// ---- The kernel -------------------------------------------------------------------------------------------

template <typename Product, typename Tile>
__device__ void fetch_stage(const WeightWork& work, typename Tile::Stage& stage, MBarrier* full,
                            const TensorMap& map_x, const TensorMap& map_dy, const WeightPlace& place,
                            int step) {
    constexpr int kBoxes = Tile::kImageBoxes / Tile::kPatches;
#pragma unroll
    for (int i = 0; i < Tile::kPatches; ++i) {
        // Beyond the last patch it is the image after the last one: zeros.
        const int patch = step * Tile::kPatches + i;
        const WeightCorner at = weight_corner(work.grid, patch);
#pragma unroll
        for (int j = 0; j < kBoxes; ++j) {
            tma_load_4d(stage.image[i * kBoxes + j], map_x, full,
                        place.channel + j * kLineChannels<typename Tile::Element>,
                        at.column + place.s - work.pad_left, at.row + place.r - work.pad_top, at.image);
        }
        Product::template fetch_gradient<Tile>(work,
                                               &stage.gradient[i * (Tile::kGradientBoxes / Tile::kPatches)],
                                               full, map_dy, place.filter, patch);
    }
}

/// A group's sums to its part of the partial (tap, channel, filter).
template <typename Tile>
__device__ void store_partial(const WeightSums<Tile>& sums, float* partial) {
#pragma unroll
    for (int tap = 0; tap < Tile::kTaps; ++tap) {
#pragma unroll
        for (int i = 0; i < Tile::kColumns / 2; i += 2) {
            const int row = tap * 64 + wgmma_row(i);
            *reinterpret_cast<float2*>(partial + row * Tile::kColumns + wgmma_column(i)) =
                make_float2(sums[tap][i], sums[tap][i + 1]);
        }
    }
}

template <typename Product, typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    conv2d_backward_weights_hopper_kernel(WeightWork work, const __grid_constant__ TensorMap map_x,
                                          const __grid_constant__ TensorMap map_dy, float* partials) {
    auto& shared = shared_memory<typename Tile::Shared>();
    if (threadIdx.x == 0) init_ring<Tile::kStages, Tile::kConsumers>(shared.full, shared.empty);
    __syncthreads();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
    RingPlace ring;
    if (warpgroup == 0) {
        shrink_registers<Tile::kFetchRegisters>();
        if (threadIdx.x == 0) {
            for_each_segment(work, [&](int tile, int first, int end) {
                const WeightPlace place = weight_place<Tile>(work, tile);
                for (int step = first; step < end; ++step) {
                    MBarrier* full = &shared.full[ring.stage];
                    mbarrier_wait(&shared.empty[ring.stage], ring.parity ^ 1);
                    mbarrier_arrive_expect(full, Tile::kFetchedBytes);
                    fetch_stage<Product, Tile>(work, shared.stage[ring.stage], full, map_x, map_dy, place,
                                               step);
                    ring.advance<Tile::kStages>();
                }
            });
        }
    } else {
        grow_registers<Tile::kSumRegisters>();
        const int group = warpgroup - 1;
        for_each_segment(work, [&](int tile, int first, int end) {
            WeightSums<Tile> sums;
            typename Product::Registers registers;
            MBarrier* before = nullptr;
            for (int step = first; step < end; ++step) {
                mbarrier_wait(&shared.full[ring.stage], ring.parity);
                Product::template multiply<Tile>(shared.stage[ring.stage], group, registers, sums,
                                                 step > first, [&] {
                                                     if (step > first) release_stage(before);
                                                 });
                before = &shared.empty[ring.stage];
                ring.advance<Tile::kStages>();
            }
            wgmma_wait<0>(sums);
            release_stage(before);
            const int64_t partial = int64_t{tile} + blockIdx.x;
            store_partial<Tile>(sums, partials + partial * Tile::kPartial + group * Tile::kGroupSums);
        });
    }
}

// ---- The sum of the partials ---------------------------------------------------------------------------------

constexpr int kReduceThreads = 256;

/// Four filters of dw: the sum of their tile's partials, in order.
template <typename Tile>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_weight_partials_kernel(WeightWork work, const float* partials, float* dw) {
    const int64_t element = (int64_t{blockIdx.x} * kReduceThreads + threadIdx.x) * 4;
    if (element >= int64_t{work.R} * work.S * work.C * work.K) return;
    const int64_t row = element / work.K;
    const int k = static_cast<int>(element - row * work.K), rs = static_cast<int>(row / work.C);
    const int c = static_cast<int>(row - int64_t{rs} * work.C), r = rs / work.S, s = rs - r * work.S;
    const int channel_tile = c / Tile::kChannels, filter_tile = k / Tile::kFilters;
    const int taps = r / Tile::kTaps * (work.S / Tile::kShifts) + s / Tile::kShifts;
    const int tile = (taps * work.channel_tiles + channel_tile) * work.filter_tiles + filter_tile;

    const int within = k - filter_tile * Tile::kFilters;
    const int group = Tile::kSplit == Split::channels  ? c % Tile::kChannels / 64
                      : Tile::kSplit == Split::filters ? within / Tile::kColumns
                      : Tile::kSplit == Split::shifts  ? s % Tile::kShifts
                                                       : 0;
    const int place =
        group * Tile::kGroupSums + (r % Tile::kTaps * 64 + c % 64) * Tile::kColumns + within % Tile::kColumns;
    constexpr int kParts = Tile::kSplit == Split::pixels ? 2 : 1;
    Float4 sum = {{0, 0, 0, 0}};
    const int last = work.block_of((tile + 1) * work.steps - 1);
    for (int block = work.block_of(tile * work.steps); block <= last; ++block) {
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const float* partial =
                partials + (int64_t{tile} + block) * Tile::kPartial + part * Tile::kGroupSums;
            const Float4 value = *reinterpret_cast<const Float4*>(partial + place);
#pragma unroll
            for (int i = 0; i < 4; ++i) sum.lane[i] += value.lane[i];
        }
    }
    *reinterpret_cast<Float4*>(dw + element) = sum;
}

// ---- Launchers' part --------------------------------------------------------------------------------------

constexpr int kWeightBlocks = 132;  // the multiprocessors of a Hopper; the same everywhere, for the same bits

template <typename Tile>
WeightWork weight_work(const Conv2dProblem& problem, const HopperOptions& options) {
    WeightWork work = {weight_grid(problem),
                       to_int32(problem.C, "channels"),
                       to_int32(problem.K, "filters"),
                       static_cast<int>(problem.R),
                       static_cast<int>(problem.S),
                       static_cast<int>(problem.pad_top),
                       static_cast<int>(problem.pad_left),
                       0,
                       0,
                       0,
                       0,
                       0};
    work.channel_tiles = work.C / Tile::kChannels;
    work.filter_tiles = work.K / Tile::kFilters;
    work.tiles = work.R / Tile::kTaps * (work.S / Tile::kShifts) * work.channel_tiles * work.filter_tiles;
    work.steps = static_cast<int>(ceil_div(work.grid.count, Tile::kPatches));
    const int pairs = to_int32(int64_t{work.tiles} * work.steps, "patches of all tiles");
    const int blocks = options.blocks > 0 ? options.blocks : kWeightBlocks;
    work.blocks = std::min(pairs, blocks);
    return work;
}

template <typename Tile>
size_t weight_partial_bytes(const Conv2dProblem& problem, const HopperOptions& options) {
    const WeightWork work = weight_work<Tile>(problem, options);
    return static_cast<size_t>(work.tiles + work.blocks) * static_cast<size_t>(Tile::kPartial) *
           sizeof(float);
}

/// `map_dy` as the Product wants it.
template <typename Product, typename Tile>
void launch_weight_gradient(cudaStream_t stream, const Conv2dProblem& problem,
                            const typename Tile::Element* x, const TensorMap& map_dy, float* dw,
                            float* partials, const HopperOptions& options) {
    constexpr bool kBf16 = sizeof(typename Tile::Element) == 2;
    const WeightWork work = weight_work<Tile>(problem, options);
    const TensorMap map_x =
        image_map(x, kBf16 ? TensorElement::bf16 : TensorElement::f32, problem.N, problem.H, problem.W,
                  problem.C, Tile::kImageColumns, Tile::kImageRows, 1);
    launch(conv2d_backward_weights_hopper_kernel<Product, Tile>, dim3(static_cast<unsigned>(work.blocks)),
           dim3(Tile::kThreads), sizeof(typename Tile::Shared), stream, work, map_x, map_dy, partials);
    const int64_t count = problem.R * problem.S * problem.C * problem.K;
    launch(reduce_weight_partials_kernel<Tile>, blocks_for(count, 4 * kReduceThreads), dim3(kReduceThreads),
           0, stream, work, partials, dw);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
