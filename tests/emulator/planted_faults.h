// Kernels with a fault planted in each, and their correct twins: what the host runtime must tell apart. And
// small kernels around the instructions of kernels/cuda/primitives/ptx.cuh.
#pragma once

#include <cstdint>
#include <vector>

namespace objloc {

struct PlantedFault {
    const char* name;
    const char* message;  // a part of what the runtime must say
    bool rendezvous;      // found even with checks of memory off
    void (*run)(bool faulty);
};
const std::vector<PlantedFault>& planted_faults();
/// Those around mbarriers and the copy engine.
const std::vector<PlantedFault>& planted_hopper_faults();

/// Those around clusters of blocks.
const std::vector<PlantedFault>& planted_cluster_faults();

/// Those around products of a warpgroup and stores of boxes.
const std::vector<PlantedFault>& planted_wgmma_faults();

/// d (64, columns) = a * b through wgmma. a (64, 64), with `outer_a` given transposed as (depth, row); b
/// (columns, 64), with `outer_b` given as (depth, column); columns: 64, 128 or 256.
std::vector<float> run_wgmma_bf16(const std::vector<float>& a, const std::vector<float>& b, bool outer_a,
                                  bool outer_b);
/// The same with a (64, 32) and b (columns, 32).
std::vector<float> run_wgmma_tf32(const std::vector<float>& a, const std::vector<float>& b);
/// With a in registers; columns: 64 or 128.
std::vector<float> run_wgmma_tf32_registers(const std::vector<float>& a, const std::vector<float>& b);

/// The three tiles (32, 32) of x (40, 70) whose first elements are x[-3, -5], x[-3, 27] and x[-3, 59], zeros
/// outside, by a pipeline of swizzled tma_load_2d.
std::vector<float> run_tile_pipeline(const std::vector<float>& x);
/// What two blocks of a cluster, each of which fetches halves of the tiles of x (4 * 32, 32) for both, have
/// then seen: all of x, one behind the other.
std::vector<float> run_multicast_pipeline(const std::vector<float>& x);
/// x[n, top .. top + 3, left .. left + 4, :] of x (2, 5, 6, 8), zeros outside, by tma_load_4d.
std::vector<float> run_patch(const std::vector<float>& x, int n, int top, int left);

/// The block's sum of squares by shuffles, shared memory and barriers; depends on nothing but x (1024).
std::vector<float> run_block_sums(const std::vector<float>& x);

/// d = c + a * b through ldmatrix_x4, ldmatrix_x4_trans and mma_m16n8k16_bf16. a (16, 16), b (16, 8), c (16,
/// 8).
std::vector<float> run_mma_bf16(const std::vector<float>& a, const std::vector<float>& b,
                                const std::vector<float>& c);
/// d = c + a * b through mma_m16n8k8_tf32. a (16, 8), b (8, 8), c (16, 8).
std::vector<float> run_mma_tf32(const std::vector<float>& a, const std::vector<float>& b,
                                const std::vector<float>& c);
/// y = x by cp.async in a pipeline of three groups; every fifth 16 bytes are cut to `valid` and zero-filled.
std::vector<float> run_copy_pipeline(const std::vector<float>& x, int valid);

/// Every shuffle and vote, for each lane: see the test for the order. 12 values a lane.
std::vector<int> run_warp_functions(const std::vector<int>& x);

}  // namespace objloc
