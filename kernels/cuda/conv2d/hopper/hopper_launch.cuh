// How the launchers of the Hopper convolutions choose among tiles.
#pragma once

#include <algorithm>

#include "objloc/kernels/cuda/conv2d/hopper/hopper_taps.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Calls `start(tile, conv, blocks)` with the chosen tile and what is known of the work. `grid` cuts the
/// output.
template <typename Element, typename Start>
void launch_hopper(const Conv2dProblem& problem, const PatchGrid& grid, int64_t lines, int64_t depth,
                   const HopperOptions& options, const Start& start) {
    HopperConv conv = {grid, to_int32(lines, "channels"), to_int32(depth, "channels"),
                       to_int32(problem.R, "kernel rows"), to_int32(problem.S, "kernel columns")};
    const auto run = [&](auto tile) {
        constexpr int kCluster = tile.kCluster;
        conv.line_tiles = conv.lines / tile.kLines;
        const int64_t across = ceil_div(grid.count, kCluster * tile.kPatches);
        conv.tiles = to_int32(conv.line_tiles * across, "tiles");
        const int clusters = std::clamp(hopper_blocks(options) / kCluster, 1, conv.tiles);
        start(tile, conv, clusters * kCluster);
    };
    // Stages as many as fit into 227 KiB of shared memory beside what is on its way out.
    constexpr bool kBf16 = sizeof(Element) == 2;
    const bool shared = shares_taps(options, problem);
    const bool pairs = shared && options.reuse == HopperReuse::taps_and_clusters;
    switch (hopper_tiling(options, conv.lines, grid, kBf16)) {
        case HopperTiling::channels128_patches2:
            if constexpr (kBf16) {
                if (pairs) return run(TapTile<Element, 128, 2, 2, 4, 2>{});
                if (shared) return run(TapTile<Element, 128, 2, 2, 4>{});
                return run(HopperTile<Element, 128, 2, 3>{});
            }
            [[fallthrough]];  // as floats its results leave no room for stages
        case HopperTiling::channels128_patches1:
            if (pairs) return run(TapTile < Element, 128, 1, 3, kBf16 ? 5 : 4, 2 > {});
            if (shared) return run(TapTile < Element, 128, 1, 3, kBf16 ? 5 : 4 > {});
            return run(HopperTile < Element, 128, 1, kBf16 ? 5 : 4 > {});
        default:
            if constexpr (kBf16) {
                if (pairs) return run(TapTile<Element, 64, 2, 3, 6, 1, Share::tiles>{});
            }  // floats on their way out leave no registers for it
            if (shared) return run(TapTile<Element, 64, 2, 2, 6>{});
            return run(HopperTile<Element, 64, 2, 4>{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
