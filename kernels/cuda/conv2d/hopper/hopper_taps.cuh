// The product of hopper_product.cuh with kernels of three rows, whose taps share what is fetched: version 2.
//
// Tap by tap a block asks the second-level cache for each patch nine times, which at the tensor cores' full
// speed would by count be more than it gives (about 6 TB/s). But three taps that lie above each other want
// nearly the same pixels: a patch of 18 image rows in place of 16 serves all three. An image row is one
// pattern of 1024 bytes, so for the next tap the operand begins one pattern further down, or up in the data
// gradient.
//
// Patches and weights now come at different rates, so each has a ring of stages: the producer fetches for
// each column of taps and 128 bytes of depth one tall patch, then the weights of three taps. Patches are no
// longer one behind the other, so each has products of its own.
//
// Version 3 adds two things. With 128 lines, clusters: two blocks that make the same lines of neighbouring
// patches fetch half of the weights each, and the copy engine leaves them with both. Of 84 KiB that a block
// of 256 pixels asked of the second-level cache for three taps and 64 of depth (36 of pixels, 48 of weights)
// 60 are left. Who fills a stage of weights must know that both blocks have read it, so both say so to both.
//
// With 64 lines, turns: the weights are one box, which two blocks cannot halve, and sums are short, so that
// finishing a tile takes a good part of its time. There the consumers take whole tiles in turn, and one
// multiplies while the other finishes. A consumer passes over the stages of the other's tiles, and parities
// cannot tell how many rounds ago a stage was full; so it begins only when the other says that all of its
// stages have come.
//
// Deterministic: sums are in order of (s, d, r).
#pragma once

#include "objloc/kernels/cuda/conv2d/hopper/hopper_product.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kSharedTaps = 3, kTallRows = 16 + kSharedTaps - 1;

template <typename Element, int kLines, int kPatches, int kImageStages_, int kWeightStages_,
          int kCluster_ = 1, Share kShare = usual_share(kLines)>
struct TapTile : TileSizes<Element, kLines, kPatches, kShare> {
    using Sizes = TileSizes<Element, kLines, kPatches, kShare>;
    static constexpr int kTaps = kSharedTaps, kCluster = kCluster_;
    static constexpr int kImageStages = kImageStages_, kWeightStages = kWeightStages_;
    static constexpr int kTallBytes = kTallRows * kPatternBytes;
    static constexpr int kWeightBytes = Sizes::kLineBlocks * Sizes::kLineBlockBytes;

    struct Weights {
        unsigned char lines[extent(kWeightBytes)];
    };
    struct Shared {
        unsigned char image[extent(kImageStages)][extent(kPatches)][extent(kTallBytes)];
        Weights weights[extent(kWeightStages)];
        unsigned char out[kConsumerGroups][extent(Sizes::kOutBytes)];
        MBarrier image_full[extent(kImageStages)], image_empty[extent(kImageStages)];
        MBarrier weights_full[extent(kWeightStages)], weights_empty[extent(kWeightStages)];
        MBarrier fetched[kConsumerGroups], turn[kConsumerGroups];
    };
    struct Place {
        RingPlace image, weights;
        int parity = 0;  // of the consumer's own tile
    };

    __device__ static void init(Shared& shared) {
        init_ring<kImageStages, Sizes::kReaders>(shared.image_full, shared.image_empty);
        init_ring<kWeightStages, kCluster * Sizes::kReaders>(shared.weights_full, shared.weights_empty);
        for (int i = 0; i < kConsumerGroups; ++i) mbarrier_init(&shared.turn[i], kWarpgroupThreads / 32);
    }

    /// Past the stages of one tile.
    __device__ static void skip_tile(const HopperConv& conv, Place& ring) {
        const int steps = conv.S * (conv.depth / Sizes::kDepthStep);
        ring.image.template skip<kImageStages>(steps);
        ring.weights.template skip<kWeightStages>(kTaps * steps);
    }
};

/// Until all who read a stage of weights have said that they are done.
template <typename Tile>
__device__ void wait_for_readers(MBarrier* empty, int parity) {
    if constexpr (Tile::kCluster == 1) {
        mbarrier_wait(empty, parity);
    } else {
        mbarrier_wait_cluster(empty, parity);
    }
}

template <typename Tile, Layout kWeights>
requires(Tile::kTaps == kSharedTaps) __device__
    void produce(typename Tile::Shared& shared, const HopperConv& conv, const TensorMap& map_pixels,
                 const TensorMap& map_weights) {
    typename Tile::Place ring;
    // The highest row that a tap reads: the first tap's, or in the data gradient the last one's.
    const int first_row = conv.first_row + (conv.direction > 0 ? 0 : 1 - kSharedTaps);
    for (int tile = first_tile<Tile>(); tile < conv.tiles; tile += tile_step<Tile>()) {
        const TilePlace place = tile_place<Tile>(conv, tile);
        for (int s = 0; s < conv.S; ++s) {
            for (int depth = 0; depth < conv.depth; depth += Tile::kDepthStep) {
                MBarrier* full = &shared.image_full[ring.image.stage];
                mbarrier_wait(&shared.image_empty[ring.image.stage], ring.image.parity ^ 1);
                mbarrier_arrive_expect(full, Tile::kPatches * Tile::kTallBytes);
#pragma unroll
                for (int i = 0; i < Tile::kPatches; ++i) {
                    const PatchCorner corner = patch_corner(conv.grid, place.patch + i);
                    tma_load_4d(shared.image[ring.image.stage][i], map_pixels, full, depth,
                                corner.column + conv.first_column + conv.direction * s,
                                corner.row + first_row, corner.image);
                }
                ring.image.template advance<Tile::kImageStages>();
                for (int r = 0; r < kSharedTaps; ++r) {
                    MBarrier* weights_full = &shared.weights_full[ring.weights.stage];
                    wait_for_readers<Tile>(&shared.weights_empty[ring.weights.stage],
                                           ring.weights.parity ^ 1);
                    mbarrier_arrive_expect(weights_full, Tile::kWeightBytes);
                    fetch_weights<Tile, kWeights>(conv, map_weights, shared.weights[ring.weights.stage],
                                                  weights_full, r * conv.S + s, place.line, depth);
                    ring.weights.template advance<Tile::kWeightStages>();
                }
            }
        }
    }
}

/// The products of one tap and 128 bytes of depth: each of the group's patches into its own 64 sums.
template <typename Tile, Layout kWeights>
__device__ void multiply_tap(const typename Tile::Shared& shared, const typename Tile::Place& ring, int group,
                             int row, float (&sums)[extent(Tile::kSums)], bool accumulate) {
    const unsigned char* lines =
        shared.weights[ring.weights.stage].lines + Tile::line_block(group) * Tile::kLineBlockBytes;
    const auto& image = shared.image[ring.image.stage];
    constexpr size_t kSums = extent(kPatchPixels / 2);
    auto& of_patch = reinterpret_cast<float(&)[extent(Tile::kGroupPatches)][kSums]>(sums);
#pragma unroll
    for (int step = 0; step < kLineBytes / kInnerStep; ++step) {
        const uint64_t a = wgmma_operand(lines + step * kDepthBytes<kWeights>, kPatternBytes);
#pragma unroll
        for (int i = 0; i < Tile::kGroupPatches; ++i) {
            const unsigned char* pixels = image[Tile::first_patch(group) + i];
            const uint64_t b = wgmma_operand(pixels + row * kPatternBytes + step * kInnerStep, kPatternBytes);
            multiply<typename Tile::Element, kWeights>(of_patch[i], a, b, accumulate || step > 0);
        }
    }
}

template <typename Tile, Layout kWeights, typename Prepare>
requires(Tile::kTaps == kSharedTaps) __device__
    void multiply_tile(typename Tile::Shared& shared, const HopperConv& conv, int group,
                       typename Tile::Place& ring, float (&sums)[extent(Tile::kSums)],
                       const Prepare& prepare) {
    const int steps = conv.S * (conv.depth / Tile::kDepthStep);
    MBarrier *weights_before = nullptr, *image_before = nullptr;
    if constexpr (Tile::kShare == Share::tiles) {
        mbarrier_wait(&shared.turn[group], ring.parity ^ (group == 0 ? 1 : 0));  // the very first at once
        ring.parity ^= 1;
    }
    for (int step = 0; step < steps; ++step) {
        mbarrier_wait(&shared.image_full[ring.image.stage], ring.image.parity);
        for (int r = 0; r < kSharedTaps; ++r) {
            mbarrier_wait(&shared.weights_full[ring.weights.stage], ring.weights.parity);
            wgmma_fence();
            const int row = conv.direction > 0 ? r : kSharedTaps - 1 - r;
            multiply_tap<Tile, kWeights>(shared, ring, group, row, sums, step + r > 0);
            wgmma_commit();
            if (step + r == 0) prepare();
            wgmma_wait<1>(sums);
            if (step + r > 0) release_stage<Tile::kCluster>(weights_before);
            if (step > 0 && r == 0) release_stage(image_before);
            weights_before = &shared.weights_empty[ring.weights.stage];
            ring.weights.template advance<Tile::kWeightStages>();
        }
        image_before = &shared.image_empty[ring.image.stage];
        ring.image.template advance<Tile::kImageStages>();
    }
    if constexpr (Tile::kShare == Share::tiles) release_stage(&shared.turn[1 - group]);
    wgmma_wait<0>(sums);
    release_stage<Tile::kCluster>(weights_before);
    release_stage(image_before);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
