// Convolution at stride 1 on Hopper's tensor cores, the part that forward and data gradient share: a product
//     out[pixel, line] = sum over taps (r, s) and depth d of in[pixel moved by the tap, d] * w[r, s, line and
//     d]
// A "line" is a channel of the output: a filter forward, an input channel in the data gradient. Images are
// bf16, NHWC.
//
// Lines are the rows of the matrix product, pixels its columns. So a thread's sums belong to two channels,
// the four pixels of a pooling window meet in one thread, and both operands come as they lie in memory:
//
//     a patch      128 pixels of an image, 8 wide and 16 high (of small sides: 8 high in two images, and so
//     on), times 64
//                  channels: one box of the copy engine, whose coordinates are moved by the tap. Outside the
//                  image it fetches zeros: that is the padding, and also the end of an image that no patch
//                  fits exactly.
//     8 wide       eight pixels of 64 channels are eight 128-byte lines, one pattern of the swizzle. So an
//     image row of
//                  a patch is 1024 bytes, and patches, whatever their height, look alike to the tensor cores.
//     the weights  64 lines by 64 of depth, out of (R, S, C, K) as it is: wgmma takes bf16 with either side
//     innermost.
//
// One block, 384 threads, stays on each multiprocessor and takes tiles until there are none. Its three
// warpgroups:
//
//     producer     one thread fetches for each tile, tap and 64 of depth the patches and the weights into the
//     next of a
//                  ring of stages, as soon as it is `empty`; the copy engine says `full` when they have come.
//     2 consumers  multiply out of full stages and say `empty` when the tensor cores have read them. They
//     hold 64 lines
//                  times 256 (128) pixels of sums in registers, for which the producer gives up most of its
//                  own.
//
// While one tile is finished (bias, ReLU, pooling, the copy to memory), the producer fetches the next one's
// stages.
//
// Deterministic: one thread sums each output in order of (r, s, d). Reference: NVIDIA, CUTLASS, "Efficient
// GEMM in CUDA", sections "Warp specialization" and "Persistent kernels".
#pragma once

#include "kernels/cuda/conv2d_hopper.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/cuda/wgmma.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- Patches ----------------------------------------------------------------------------------------------

constexpr int kPatchPixels = 128, kPatchColumns = 8, kLineBytes = 128, kPatternBytes = 1024;
constexpr int kPatchBytes = kPatchPixels * kLineBytes;  // of 64 channels in bf16
constexpr int kDepthStep = 64;                          // channels of a stage

/// How images are cut into patches. Patches are numbered row by row, then column by column, then image by
/// image.
struct PatchGrid {
    int rows, images;         // of a patch
    int down, across, count;  // patches in an image, one above the other and side by side; in all

    PatchGrid(int64_t N, int64_t image_rows, int64_t image_columns) {
        rows = 16;
        while (rows > 2 && rows / 2 >= image_rows) rows /= 2;
        images = kPatchPixels / kPatchColumns / rows;
        down = static_cast<int>(ceil_div(image_rows, rows));
        across = static_cast<int>(ceil_div(image_columns, kPatchColumns));
        count = to_int32(ceil_div(N, images) * down * across, "patches");
    }
};

/// A patch's first pixel. Beyond the last patch it lies beyond the last image, where nothing is read or
/// written.
struct PatchCorner {
    int image, row, column;
};
__device__ inline PatchCorner patch_corner(const PatchGrid& grid, int patch) {
    const int stack = patch / grid.down;
    const int image = stack / grid.across;
    return {image * grid.images, (patch - stack * grid.down) * grid.rows,
            (stack - image * grid.across) * kPatchColumns};
}

/// The work, as the kernel takes it.
struct HopperConv {
    PatchGrid grid;
    int lines, depth, R, S;
    int first_row = 0, first_column = 0,
        direction = 1;  // tap (r, s) reads (row + first_row + direction * r, ...)
    int line_tiles = 0, tiles = 0;
};

// ---- Tiles
// --------------------------------------------------------------------------------------------------

/// What a block makes at a time. With 128 lines each consumer takes 64 of them, with 64 half of the patches.
template <int kLines_, int kPatches_, int kStages_>
struct HopperTile {
    static constexpr int kLines = kLines_, kPatches = kPatches_, kStages = kStages_;
    static constexpr int kGroupPatches = kLines == 128 ? kPatches : kPatches / 2;
    static constexpr int kGroupPixels = kGroupPatches * kPatchPixels;
    static constexpr int kSums = kGroupPixels / 2;  // of a thread
    static constexpr int kLineBlocks = kLines / kWgmmaRows;
    static constexpr int kLineBlockBytes = kWgmmaRows * kLineBytes;
    static constexpr int kStageBytes = kPatches * kPatchBytes + kLineBlocks * kLineBlockBytes;
    static constexpr int kOutBytes = kGroupPatches * kPatchBytes;

    struct Stage {
        unsigned char pixels[extent(kPatches * kPatchBytes)];
        unsigned char lines[extent(kLineBlocks * kLineBlockBytes)];
    };
    struct Shared {
        Stage stage[extent(kStages)];
        unsigned char out[2][extent(kOutBytes)];  // of each consumer, on its way to memory
        MBarrier full[extent(kStages)], empty[extent(kStages)], fetched[2];
    };
};

constexpr int kConsumerGroups = 2, kHopperThreads = (1 + kConsumerGroups) * kWarpgroupThreads;
/// 128 + 2 * 128 threads share 65,536 registers; at the start each has 168.
constexpr int kProducerRegisters = 40, kConsumerRegisters = 232;

/// A place in the ring of stages; its parity changes each time round.
struct RingPlace {
    int stage = 0, parity = 0;

    template <int kStages>
    __device__ void advance() {
        if (++stage == kStages) {
            stage = 0;
            parity ^= 1;
        }
    }
};

/// A tile's first line and first patch. Neighbouring blocks share their pixels.
struct TilePlace {
    int line, patch;
};
template <typename Tile>
__device__ TilePlace tile_place(const HopperConv& conv, int tile) {
    const int patches = tile / conv.line_tiles;
    return {(tile - patches * conv.line_tiles) * Tile::kLines, patches * Tile::kPatches};
}

// ---- The producer
// -------------------------------------------------------------------------------------------

/// Fetches the weights of `line` and on for 64 of depth: from (R * S * C, K), where K is the lines
/// (depth_outer) or the depth (depth_inner).
template <typename Tile, Layout kWeights>
__device__ void fetch_weights(const HopperConv& conv, const TensorMap& map, typename Tile::Stage& stage,
                              MBarrier* full, int tap, int line, int depth) {
#pragma unroll
    for (int block = 0; block < Tile::kLineBlocks; ++block) {
        unsigned char* to = stage.lines + block * Tile::kLineBlockBytes;
        const int at = line + block * kWgmmaRows;
        if (kWeights == Layout::depth_outer) {
            tma_load_2d(to, map, full, at, tap * conv.depth + depth);
        } else {
            tma_load_2d(to, map, full, depth, tap * conv.lines + at);
        }
    }
}

template <typename Tile, Layout kWeights>
__device__ void produce(typename Tile::Shared& shared, const HopperConv& conv, const TensorMap& map_pixels,
                        const TensorMap& map_weights) {
    RingPlace ring;
    for (int tile = static_cast<int>(blockIdx.x); tile < conv.tiles; tile += static_cast<int>(gridDim.x)) {
        const TilePlace place = tile_place<Tile>(conv, tile);
        for (int tap = 0; tap < conv.R * conv.S; ++tap) {
            const int r = tap / conv.S, s = tap - r * conv.S;
            for (int depth = 0; depth < conv.depth; depth += kDepthStep) {
                typename Tile::Stage& stage = shared.stage[ring.stage];
                MBarrier* full = &shared.full[ring.stage];
                mbarrier_wait(&shared.empty[ring.stage], ring.parity ^ 1);
                mbarrier_arrive_expect(full, Tile::kStageBytes);
#pragma unroll
                for (int i = 0; i < Tile::kPatches; ++i) {
                    const PatchCorner corner = patch_corner(conv.grid, place.patch + i);
                    tma_load_4d(stage.pixels + i * kPatchBytes, map_pixels, full, depth,
                                corner.column + conv.first_column + conv.direction * s,
                                corner.row + conv.first_row + conv.direction * r, corner.image);
                }
                fetch_weights<Tile, kWeights>(conv, map_weights, stage, full, tap, place.line, depth);
                ring.advance<Tile::kStages>();
            }
        }
    }
}

// ---- The consumers
// ------------------------------------------------------------------------------------------

/// The 64 of depth of one stage, started and not waited for.
template <typename Tile, Layout kWeights>
__device__ void multiply_stage(const typename Tile::Stage& stage, int group,
                               float (&sums)[extent(Tile::kSums)], bool accumulate) {
    constexpr bool kSplitLines = Tile::kLines == 128;
    const unsigned char* lines = stage.lines + (kSplitLines ? group * Tile::kLineBlockBytes : 0);
    const unsigned char* pixels =
        stage.pixels + (kSplitLines ? 0 : group * Tile::kGroupPatches * kPatchBytes);
    constexpr int kInnerStep = 32, kOuterStep = 2 * kPatternBytes;  // bytes along 16 of depth
    constexpr int kWeightStep = kWeights == Layout::depth_outer ? kOuterStep : kInnerStep;
#pragma unroll
    for (int step = 0; step < kDepthStep / 16; ++step) {
        wgmma_bf16<Tile::kGroupPixels, kWeights, Layout::depth_inner>(
            sums, wgmma_operand(lines + step * kWeightStep, kPatternBytes),
            wgmma_operand(pixels + step * kInnerStep, kPatternBytes), accumulate || step > 0);
    }
}

/// One arrival a warp: its matrix products have read the stage.
__device__ inline void release_stage(MBarrier* empty) {
    if (threadIdx.x % 32 == 0) mbarrier_arrive(empty);
}

/// A tile's sums. A stage is released one product later than it was used, so that the tensor cores never run
/// dry. `prepare()` is called once they are busy.
template <typename Tile, Layout kWeights, typename Prepare>
__device__ void multiply_tile(typename Tile::Shared& shared, const HopperConv& conv, int group,
                              RingPlace& ring, float (&sums)[extent(Tile::kSums)], const Prepare& prepare) {
    const int steps = conv.R * conv.S * (conv.depth / kDepthStep);
    MBarrier* before = nullptr;
    for (int step = 0; step < steps; ++step) {
        mbarrier_wait(&shared.full[ring.stage], ring.parity);
        wgmma_fence();
        multiply_stage<Tile, kWeights>(shared.stage[ring.stage], group, sums, step > 0);
        wgmma_commit();
        if (step == 0) prepare();
        wgmma_wait<1>(sums);
        if (step > 0) release_stage(before);
        before = &shared.empty[ring.stage];
        ring.advance<Tile::kStages>();
    }
    wgmma_wait<0>(sums);
    release_stage(before);
}

/// The consumers' barriers, one each: 0 is the whole block's.
__device__ inline void sync_group(int group) {
    named_barrier_sync(1 + group, kWarpgroupThreads);
}

/// Waits until what the group last sent to memory has been read, so that `out` may be written again.
__device__ inline void take_out(int group) {
    if (threadIdx.x % kWarpgroupThreads == 0) tma_store_wait<0>();
    sync_group(group);
}

/// All of the group's threads have written `out`: `send` starts its way to memory, in one thread.
template <typename Send>
__device__ void send_out(int group, const Send& send) {
    fence_proxy_async();
    sync_group(group);
    if (threadIdx.x % kWarpgroupThreads != 0) return;
    send();
    tma_store_commit();
}

/// What a consumer group is finishing: lines `line` and on of patches `patch` and on, and its room in shared
/// memory.
struct GroupTile {
    int group, line, patch;
    unsigned char* out;
    MBarrier* fetched;  // for what the group itself has the copy engine bring
    int parity;         // of the tile
};

/// The whole kernel. `finish.prepare(tile)` is called while a tile's product runs, `finish(tile, sums)` takes
/// the sums to memory.
template <typename Tile, Layout kWeights, typename Finish>
__device__ void convolve(const HopperConv& conv, const TensorMap& map_pixels, const TensorMap& map_weights,
                         const Finish& finish) {
    auto& shared = shared_memory<typename Tile::Shared>();
    if (threadIdx.x == 0) {
        for (int i = 0; i < Tile::kStages; ++i) {
            mbarrier_init(&shared.full[i], 1);
            mbarrier_init(&shared.empty[i], kConsumerGroups * kWarpgroupThreads / 32);
        }
        for (int i = 0; i < kConsumerGroups; ++i) mbarrier_init(&shared.fetched[i], 1);
    }
    __syncthreads();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
    if (warpgroup == 0) {
        shrink_registers<kProducerRegisters>();
        if (threadIdx.x == 0) produce<Tile, kWeights>(shared, conv, map_pixels, map_weights);
    } else {
        grow_registers<kConsumerRegisters>();
        const int group = warpgroup - 1;
        constexpr bool kSplitLines = Tile::kLines == 128;
        RingPlace ring;
        int parity = 0;
        for (int number = static_cast<int>(blockIdx.x); number < conv.tiles;
             number += static_cast<int>(gridDim.x)) {
            const TilePlace place = tile_place<Tile>(conv, number);
            const GroupTile tile = {group,
                                    place.line + (kSplitLines ? group * kWgmmaRows : 0),
                                    place.patch + (kSplitLines ? 0 : group * Tile::kGroupPatches),
                                    shared.out[group],
                                    &shared.fetched[group],
                                    parity};
            float sums[extent(Tile::kSums)];
            multiply_tile<Tile, kWeights>(shared, conv, group, ring, sums, [&] { finish.prepare(tile); });
            finish(tile, sums);
            parity ^= 1;
        }
        if (threadIdx.x % kWarpgroupThreads == 0) tma_store_wait<0>();
    }
}

// ---- Sums to shared memory
// ----------------------------------------------------------------------------------

/// Where piece `piece` (8 channels) of pixel `pixel` lies in `out`, whose boxes are swizzled.
__device__ inline unsigned char* out_piece(unsigned char* out, int pixel, int piece) {
    return out + pixel * kLineBytes + (piece ^ pixel % 8) * 16;
}

/// A group's sums as bf16 to `out` (pixel, 64 channels). Of each image row, eight pixels, a warp holds 16
/// channels: two 8x8 matrices, which stmatrix turns so that channels lie side by side. Two rows a time.
template <size_t kSums>
__device__ void sums_to_out(const float (&sums)[kSums], unsigned char* out) {
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4, lane = static_cast<int>(threadIdx.x) % 32;
    const int piece = 2 * warp + lane / 8 % 2;
#pragma unroll
    for (int i = 0; i < static_cast<int>(kSums); i += 8) {
        const int pixel = 2 * i + lane / 16 * 8 + lane % 8;
        const uint32_t words[] = {pack_bf16(sums[i], sums[i + 1]), pack_bf16(sums[i + 2], sums[i + 3]),
                                  pack_bf16(sums[i + 4], sums[i + 5]), pack_bf16(sums[i + 6], sums[i + 7])};
        stmatrix_x4_trans(out_piece(out, pixel, piece), words);
    }
}

// ---- Launchers' part --------------------------------------------------------------------------------------

/// Throws Error unless hopper_conv2d_applies and hopper_missing has nothing to say.
void require_hopper_conv2d(const Conv2dProblem& problem);

/// The map of images (N, rows, columns, channels) in boxes of 64 channels by `box_columns`, `box_rows`,
/// `box_images`. Boxes of bf16 are swizzled.
TensorMap image_map(const void* images, TensorElement element, int64_t N, int64_t rows, int64_t columns,
                    int64_t channels, int box_columns, int box_rows, int box_images);

/// Of weights (R * S * C, K) in bf16, in boxes of 64 x 64.
TensorMap weight_map(const Conv2dProblem& problem, const __nv_bfloat16* w);

/// How many blocks, one on each multiprocessor.
int hopper_blocks(const HopperOptions& options);

/// The tiling that `automatic` means: the one that keeps the tensor cores busiest by the count of its tiles.
HopperTiling hopper_tiling(const HopperOptions& options, int lines, const PatchGrid& grid);

/// Calls `start(tile, conv, blocks)` with the chosen HopperTile and what is known of the work.
template <typename Start>
void launch_hopper(const Conv2dProblem& problem, const PatchGrid& grid, int64_t lines, int64_t depth,
                   const HopperOptions& options, const Start& start) {
    HopperConv conv = {grid, to_int32(lines, "channels"), to_int32(depth, "channels"),
                       to_int32(problem.R, "kernel rows"), to_int32(problem.S, "kernel columns")};
    const auto run = [&](auto tile) {
        conv.line_tiles = conv.lines / tile.kLines;
        conv.tiles = to_int32(int64_t{conv.line_tiles} * ceil_div(grid.count, tile.kPatches), "tiles");
        const int blocks = hopper_blocks(options);
        start(tile, conv, blocks < conv.tiles ? blocks : conv.tiles);
    };
    // Stages as many as fit into 227 KiB of shared memory beside what is on its way out.
    switch (hopper_tiling(options, conv.lines, grid)) {
        case HopperTiling::channels128_patches2:
            return run(HopperTile<128, 2, 3>{});
        case HopperTiling::channels128_patches1:
            return run(HopperTile<128, 1, 5>{});
        default:
            return run(HopperTile<64, 2, 4>{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
