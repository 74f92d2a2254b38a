// How the launchers of the Hopper convolutions choose among tiles.
#pragma once

#include "kernels/cuda/hopper_taps.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// Calls `start(tile, conv, blocks)` with the chosen tile and what is known of the work. `grid` cuts the
/// output.
template <typename Element, typename Start>
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
    constexpr bool kBf16 = sizeof(Element) == 2;
    const bool shared = shares_taps(options, problem);
    switch (hopper_tiling(options, conv.lines, grid, kBf16)) {
        case HopperTiling::channels128_patches2:
            if constexpr (kBf16) {
                if (shared) return run(TapTile<Element, 128, 2, 2, 4>{});
                return run(HopperTile<Element, 128, 2, 3>{});
            }
            [[fallthrough]];  // as floats its results leave no room for stages
        case HopperTiling::channels128_patches1:
            if (shared) return run(TapTile < Element, 128, 1, 3, kBf16 ? 5 : 4 > {});
            return run(HopperTile < Element, 128, 1, kBf16 ? 5 : 4 > {});
        default:
            if (shared) return run(TapTile<Element, 64, 2, 2, 6>{});
            return run(HopperTile<Element, 64, 2, 4>{});
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
