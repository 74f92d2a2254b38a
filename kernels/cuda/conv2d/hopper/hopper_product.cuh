// Convolution at stride 1 on Hopper's tensor cores, the part that forward and data gradient share: a product
//     out[pixel, line] = sum over taps (r, s) and depth d of in[pixel moved by the tap, d] * w[r, s, line, d]
// A "line" is a channel of the output: a filter forward, an input channel in the data gradient. Images are
// NHWC, bf16 or f32 that is rounded to tf32.
//
// Lines are the rows of the matrix product, pixels its columns. So a thread's sums belong to two channels,
// the four pixels of a pooling window meet in one thread, and both operands come as they lie in memory:
//
//     a patch      128 pixels of an image, 8 wide and 16 high (of small sides: 8 high in two images, and so
//                  on), times 128 bytes of channels: one box of the copy engine, whose coordinates are moved
//                  by the tap. Outside the image it fetches zeros: that is the padding, and also the end of
//                  an image that no patch fits exactly.
//     8 wide       eight pixels of 128 bytes are one pattern of the swizzle. So an image row of a patch is
//                  1024 bytes, and patches, whatever their height, look alike to the tensor cores.
//     the weights  64 lines by 128 bytes of depth, out of (R, S, C, K) as it is: wgmma takes bf16 with
//                  either side innermost.
//
// One block, 384 threads, stays on each multiprocessor and takes tiles until there are none. Its three
// warpgroups:
//
//     producer     one thread fetches, for each tile, tap and 128 bytes of depth, patches and weights into
//                  the next of a ring of stages as soon as that is `empty`; the copy engine says `full`
//                  when they have come.
//     2 consumers  multiply out of full stages and say `empty` when the tensor cores have read them. They
//                  hold 64 lines times 256 (128) pixels of sums in registers, for which the producer gives
//                  up most of its own.
//
// While one tile is finished (bias, ReLU, pooling, the copy to memory), the producer fetches the next one's
// stages.
//
// Deterministic: one thread sums each output in order of (r, s, d). Reference: NVIDIA, CUTLASS, "Efficient
// GEMM in CUDA", sections "Warp specialization" and "Persistent kernels".
#pragma once

#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/primitives/cluster.cuh"
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/primitives/wgmma.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

// ---- Patches ----------------------------------------------------------------------------------------------

constexpr int kPatchPixels = 128, kPatchColumns = 8, kLineBytes = 128, kPatternBytes = 1024;
constexpr int kPatchBytes = kPatchPixels * kLineBytes;  // of 64 channels in bf16
/// Channels of a 128-byte line: 64 or 32.
template <typename Element>
constexpr int kLineChannels = kLineBytes / static_cast<int>(sizeof(Element));

/// How images are cut into patches. Patches are numbered row by row, then column by column, then image by
/// image.
struct PatchGrid {
    int rows, images;         // of a patch
    int down, across, count;  // patches in an image, one above the other and side by side; in all

    /// With `tall` 16 high, however low the image is.
    PatchGrid(int64_t N, int64_t image_rows, int64_t image_columns, bool tall) {
        rows = 16;
        while (!tall && rows > 2 && rows / 2 >= image_rows) rows /= 2;
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

constexpr int kConsumerGroups = 2;

/// What the consumers share out between them: a tile's lines, its patches, or whole tiles, in turn. With
/// tiles of its own one multiplies while the other one finishes, and the tensor cores need not wait.
enum class Share { lines, patches, tiles };

constexpr Share usual_share(int lines) {
    return lines == 128 ? Share::lines : Share::patches;
}

/// What a block makes at a time.
template <typename Element_, int kLines_, int kPatches_, Share kShare_ = usual_share(kLines_)>
struct TileSizes {
    using Element = Element_;
    static constexpr int kDepthStep = kLineChannels<Element>;  // of a stage
    static constexpr int kLines = kLines_, kPatches = kPatches_;
    static constexpr Share kShare = kShare_;
    static constexpr int kReaders = kShare == Share::tiles ? 1 : kConsumerGroups;  // of a stage
    static constexpr int kGroupPatches = kShare == Share::patches ? kPatches / 2 : kPatches;
    static constexpr int kGroupPixels = kGroupPatches * kPatchPixels;
    static constexpr int kSums = kGroupPixels / 2;  // of a thread
    static constexpr int kLineBlocks = kLines / kWgmmaRows;
    static constexpr int kLineBlockBytes = kWgmmaRows * kLineBytes;
    /// A group's 64 lines on their way out: one or, as floats, two parts of 128 bytes a pixel.
    static constexpr int kOutParts = kWgmmaRows / kDepthStep, kOutPart = kGroupPatches * kPatchBytes;
    static constexpr int kOutBytes = kOutParts * kOutPart;

    /// A group's first block of 64 lines, and its first patch, within the tile.
    __device__ static int line_block(int group) { return kShare == Share::lines ? group : 0; }
    __device__ static int first_patch(int group) {
        return kShare == Share::patches ? group * kGroupPatches : 0;
    }
};

/// A ring of stages: each is `full` when its bytes have come, `empty` when all warps of the `kReaders`
/// consumers that share it have read it.
template <int kStages, int kReaders>
__device__ void init_ring(MBarrier (&full)[extent(kStages)], MBarrier (&empty)[extent(kStages)]) {
    for (int i = 0; i < kStages; ++i) {
        mbarrier_init(&full[i], 1);
        mbarrier_init(&empty[i], kReaders * kWarpgroupThreads / 32);
    }
}

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

    /// So many stages further.
    template <int kStages>
    __device__ void skip(int count) {
        stage += count;
        parity ^= stage / kStages & 1;
        stage %= kStages;
    }
};

/// Version 1, tap by tap: a stage holds the patches and the weights of one tap. (Version 2: hopper_taps.cuh.)
template <typename Element, int kLines, int kPatches, int kStages_>
struct HopperTile : TileSizes<Element, kLines, kPatches> {
    using Sizes = TileSizes<Element, kLines, kPatches>;
    static constexpr int kTaps = 1, kCluster = 1, kStages = kStages_;
    static constexpr int kPixelBytes = kPatches * kPatchBytes;
    static constexpr int kStageBytes = kPixelBytes + Sizes::kLineBlocks * Sizes::kLineBlockBytes;

    struct Stage {
        unsigned char pixels[extent(kPixelBytes)];
        unsigned char lines[extent(kStageBytes - kPixelBytes)];
    };
    struct Shared {
        Stage stage[extent(kStages)];
        unsigned char out[kConsumerGroups][extent(Sizes::kOutBytes)];  // on their way to memory
        MBarrier full[extent(kStages)], empty[extent(kStages)], fetched[kConsumerGroups];
    };
    using Place = RingPlace;

    __device__ static void init(Shared& shared) {
        init_ring<kStages, Sizes::kReaders>(shared.full, shared.empty);
    }
};

constexpr int kHopperThreads = (1 + kConsumerGroups) * kWarpgroupThreads;
/// 128 + 2 * 128 threads share 65,536 registers; at the start each has 168.
constexpr int kProducerRegisters = 40, kConsumerRegisters = 232;

/// A tile's first line and first patch. Neighbouring tiles share their pixels; the blocks of a cluster take
/// the same lines of patches side by side.
struct TilePlace {
    int line, patch;
};
template <typename Tile>
__device__ TilePlace tile_place(const HopperConv& conv, int tile) {
    const int patches = tile / conv.line_tiles;
    const int rank = Tile::kCluster == 1 ? 0 : cluster_rank();
    return {(tile - patches * conv.line_tiles) * Tile::kLines,
            (patches * Tile::kCluster + rank) * Tile::kPatches};
}

/// Clusters take tiles in turn: the first one's number, and how many there are to the next.
template <typename Tile>
__device__ int first_tile() {
    return static_cast<int>(blockIdx.x) / Tile::kCluster;
}
template <typename Tile>
__device__ int tile_step() {
    return static_cast<int>(gridDim.x) / Tile::kCluster;
}

/// Waits for all threads of the block, or of its cluster.
template <typename Tile>
__device__ void sync_all() {
    if constexpr (Tile::kCluster == 1) {
        __syncthreads();
    } else {
        cluster_sync();
    }
}

// ---- The producer
// -------------------------------------------------------------------------------------------

/// Fetches the weights of `line` and on for 64 of depth: from (R * S * C, K), where K is the lines
/// (depth_outer) or the depth (depth_inner). In a cluster each block fetches 64 lines for all of them.
template <typename Tile, Layout kWeights, typename Stage>
__device__ void fetch_weights(const HopperConv& conv, const TensorMap& map, Stage& stage, MBarrier* full,
                              int tap, int line, int depth) {
#pragma unroll
    for (int block = 0; block < Tile::kLineBlocks; ++block) {
        unsigned char* to = stage.lines + block * Tile::kLineBlockBytes;
        const int at = line + block * kWgmmaRows;
        constexpr bool kOuter = kWeights == Layout::depth_outer;
        const int c0 = kOuter ? at : depth,
                  c1 = tap * (kOuter ? conv.depth : conv.lines) + (kOuter ? depth : at);
        if constexpr (Tile::kCluster == 1) {
            tma_load_2d(to, map, full, c0, c1);
        } else {
            static_assert(Tile::kLineBlocks == Tile::kCluster);
            constexpr unsigned kAll = (1u << Tile::kCluster) - 1;
            if (block == cluster_rank()) tma_load_2d_multicast(to, map, full, c0, c1, kAll);
        }
    }
}

template <typename Tile, Layout kWeights>
requires(Tile::kTaps == 1) __device__
    void produce(typename Tile::Shared& shared, const HopperConv& conv, const TensorMap& map_pixels,
                 const TensorMap& map_weights) {
    RingPlace ring;
    for (int tile = first_tile<Tile>(); tile < conv.tiles; tile += tile_step<Tile>()) {
        const TilePlace place = tile_place<Tile>(conv, tile);
        for (int tap = 0; tap < conv.R * conv.S; ++tap) {
            const int r = tap / conv.S, s = tap - r * conv.S;
            for (int depth = 0; depth < conv.depth; depth += Tile::kDepthStep) {
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

constexpr int kInnerStep = 32, kOuterStep = 2 * kPatternBytes;  // bytes along an instruction's depth
template <Layout kLayout>
constexpr int kDepthBytes = kLayout == Layout::depth_outer ? kOuterStep : kInnerStep;

/// One instruction, in the arithmetic of the elements.
template <typename Element, Layout kWeights, size_t kSums>
__device__ void multiply(float (&sums)[kSums], uint64_t lines, uint64_t pixels, bool accumulate) {
    if constexpr (sizeof(Element) == 2) {
        wgmma_bf16<2 * kSums, kWeights, Layout::depth_inner>(sums, lines, pixels, accumulate);
    } else {
        wgmma_tf32<2 * kSums>(sums, lines, pixels, accumulate);
    }
}

/// The depth of one stage, 128 bytes, started and not waited for.
template <typename Tile, Layout kWeights>
__device__ void multiply_stage(const typename Tile::Stage& stage, int group,
                               float (&sums)[extent(Tile::kSums)], bool accumulate) {
    const unsigned char* lines = stage.lines + Tile::line_block(group) * Tile::kLineBlockBytes;
    const unsigned char* pixels = stage.pixels + Tile::first_patch(group) * kPatchBytes;
#pragma unroll
    for (int step = 0; step < kLineBytes / kInnerStep; ++step) {
        const uint64_t a = wgmma_operand(lines + step * kDepthBytes<kWeights>, kPatternBytes);
        const uint64_t b = wgmma_operand(pixels + step * kInnerStep, kPatternBytes);
        multiply<typename Tile::Element, kWeights>(sums, a, b, accumulate || step > 0);
    }
}

/// One arrival a warp: its matrix products have read the stage. All who fill it are told: each block of the
/// cluster.
template <int kCluster = 1>
__device__ void release_stage(MBarrier* empty) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if constexpr (kCluster == 1) {
        if (lane == 0) mbarrier_arrive(empty);
    } else {
        if (lane < kCluster) mbarrier_arrive_at(empty, lane);
    }
}

/// A tile's sums. A stage is released one product later than it was used, so that the tensor cores never run
/// dry. `prepare()` is called once they are busy.
template <typename Tile, Layout kWeights, typename Prepare>
requires(Tile::kTaps == 1) __device__
    void multiply_tile(typename Tile::Shared& shared, const HopperConv& conv, int group, RingPlace& ring,
                       float (&sums)[extent(Tile::kSums)], const Prepare& prepare) {
    const int steps = conv.R * conv.S * (conv.depth / Tile::kDepthStep);
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
        Tile::init(shared);
        for (int i = 0; i < kConsumerGroups; ++i) mbarrier_init(&shared.fetched[i], 1);
    }
    sync_all<Tile>();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
    if (warpgroup == 0) {
        shrink_registers<kProducerRegisters>();
        if (threadIdx.x == 0) produce<Tile, kWeights>(shared, conv, map_pixels, map_weights);
    } else {
        grow_registers<kConsumerRegisters>();
        const int group = warpgroup - 1;
        typename Tile::Place ring;
        int parity = 0;
        [[maybe_unused]] int turn = 0;
        for (int number = first_tile<Tile>(); number < conv.tiles; number += tile_step<Tile>()) {
            if constexpr (Tile::kShare == Share::tiles) {
                if (turn++ % kConsumerGroups != group) {
                    Tile::skip_tile(conv, ring);
                    continue;
                }
            }
            const TilePlace place = tile_place<Tile>(conv, number);
            const GroupTile tile = {group,
                                    place.line + Tile::line_block(group) * kWgmmaRows,
                                    place.patch + Tile::first_patch(group),
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
    // Others of the cluster may still say that they have read what this block fetched for them.
    if constexpr (Tile::kCluster > 1) cluster_sync();
}

// ---- Sums to shared memory ------------------------------------------------------------------------------

/// Where piece `piece` (16 bytes of channels) of pixel `pixel` lies in `out`, whose boxes are swizzled.
__device__ inline unsigned char* out_piece(unsigned char* out, int pixel, int piece) {
    return out + pixel * kLineBytes + (piece ^ pixel % 8) * 16;
}

/// Where a float lies: line 0 to 63 of pixel `pixel`, in the first or the second part.
__device__ inline float* out_float(unsigned char* out, int part_bytes, int pixel, int line) {
    constexpr int kLines = kLineChannels<float>;
    unsigned char* piece = out_piece(out + line / kLines * part_bytes, pixel, line % kLines / 4);
    return reinterpret_cast<float*>(piece) + line % 4;
}

/// A group's sums to `out` (pixel, 64 lines). As bf16: of each image row, eight pixels, a warp holds 16
/// lines: two 8x8 matrices, which stmatrix turns so that lines lie side by side, two rows a time. As floats:
/// one by one; the eight lanes of four pixels each meet all banks once.
template <typename Tile>
__device__ void sums_to_out(const float (&sums)[extent(Tile::kSums)], unsigned char* out) {
    if constexpr (sizeof(typename Tile::Element) == 4) {
#pragma unroll
        for (int i = 0; i < Tile::kSums; ++i) {
            *out_float(out, Tile::kOutPart, wgmma_column(i), wgmma_row(i)) = sums[i];
        }
    } else {
        const int warp = static_cast<int>(threadIdx.x) / 32 % 4, lane = static_cast<int>(threadIdx.x) % 32;
        const int piece = 2 * warp + lane / 8 % 2;
#pragma unroll
        for (int i = 0; i < Tile::kSums; i += 8) {
            const int pixel = 2 * i + lane / 16 * 8 + lane % 8;
            const uint32_t words[] = {pack_bf16(sums[i], sums[i + 1]), pack_bf16(sums[i + 2], sums[i + 3]),
                                      pack_bf16(sums[i + 4], sums[i + 5]),
                                      pack_bf16(sums[i + 6], sums[i + 7])};
            stmatrix_x4_trans(out_piece(out, pixel, piece), words);
        }
    }
}

/// Starts a group's way to memory from `out`, where a pixel's lines take parts of `part_bytes`, a patch's
/// pixels `patch_bytes`. With pooling coordinates are halved.
template <typename Tile>
__device__ void store_patches(const TensorMap& map, const PatchGrid& grid, const GroupTile& tile,
                              int part_bytes, int patch_bytes, int shrink) {
#pragma unroll
    for (int i = 0; i < Tile::kGroupPatches; ++i) {
        const PatchCorner at = patch_corner(grid, tile.patch + i);
#pragma unroll
        for (int part = 0; part < Tile::kOutParts; ++part) {
            tma_store_4d(map, tile.out + part * part_bytes + i * patch_bytes,
                         tile.line + part * Tile::kDepthStep, at.column / shrink, at.row / shrink, at.image);
        }
    }
}

// ---- Launchers' part --------------------------------------------------------------------------------------

/// Throws Error unless hopper_conv2d_applies and hopper_missing has nothing to say.
void require_hopper_conv2d(const Conv2dProblem& problem);

/// What the copy engine fetches for the tensor cores: bf16, or floats that it rounds to tf32.
template <typename Element>
constexpr TensorElement kOperand = sizeof(Element) == 2 ? TensorElement::bf16 : TensorElement::tf32;

/// The map of images (N, rows, columns, channels) in swizzled boxes of 128 bytes of channels by
/// `box_columns`, `box_rows`, `box_images`; of u8 in plain ones of 64 channels.
TensorMap image_map(const void* images, TensorElement element, int64_t N, int64_t rows, int64_t columns,
                    int64_t channels, int box_columns, int box_rows, int box_images);

/// Of weights (rows, columns) in boxes of 64 rows by 128 bytes of columns.
TensorMap weight_map(const void* w, TensorElement element, int64_t rows, int64_t columns);

/// Whether three taps are to share their patches (hopper_taps.cuh).
bool shares_taps(const HopperOptions& options, const Conv2dProblem& problem);

/// How many blocks, one on each multiprocessor.
int hopper_blocks(const HopperOptions& options);

/// The tiling that `automatic` means: the one that keeps the tensor cores busiest by the count of its tiles.
HopperTiling hopper_tiling(const HopperOptions& options, int lines, const PatchGrid& grid, bool bf16);

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
