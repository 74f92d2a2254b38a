// y = A^T [ (G g G^T) * (B^T d B) ] A: the forward pass, and the data gradient, which is the same sum over
// the gradient's image with flipped and transposed weights.
//
// A block of tiles is transformed to 36 matrices (tiles, C); each is multiplied by its (C, panel) of the
// weights; the products of one panel are transformed back and written. Blocks are sized so that this stays in
// the L2 cache where channels are few, and so that the weights are read seldom where they are many. When
// there are fewer blocks than threads, the panels are shared out too, each thread transforming the block for
// itself: that costs a few percent, and the bits of the result do not depend on it.

#include <omp.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_plan.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_targets.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "objloc/kernels/cpu/conv2d/winograd/winograd_forward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_output-inl.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_product-inl.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_window-inl.h"

#ifndef OBJLOC_WINOGRAD_FORWARD_ONCE
#define OBJLOC_WINOGRAD_FORWARD_ONCE
namespace objloc::winograd {

/// One forward pass or data gradient.
struct ForwardTask {
    TileGrid grid;
    Source source;
    Sink sink;
    const float* weights;  // (panels, 36, C, panel)
    int64_t block_tiles;
};

/// What one thread does at a time: some panels of one block.
struct ForwardItem {
    int64_t block, first_panel, last_panel;
};

}  // namespace objloc::winograd
#endif

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

// Channels that are summed in registers before the products go back to memory: the (kDepth, panel) part of
// the weights stays in the L1 cache while all tiles of the block pass.
constexpr int64_t kDepth = 128;

SimdShape simd_shape() {
    return {lanes(), kPanelVectors * lanes()};
}

void multiply_component(const float* a, int64_t tiles, int64_t channels, const float* b, int64_t width,
                        float* c) {
    for (int64_t k = 0; k < channels; k += kDepth) {
        const int64_t depth = std::min(kDepth, channels - k);
        const Product product{a + k, b + k * width, c, round_up(channels, lanes()), width, depth, k > 0};
        multiply<Left::rows>(product, tiles);
    }
}

void run_forward_item(const ForwardTask& task, const ForwardItem& item, float* scratch) {
    const int64_t C = task.source.channels, K = task.sink.channels, panel = kPanelVectors * lanes();
    const int64_t first_tile = item.block * task.block_tiles;
    const int64_t tiles = std::min(task.block_tiles, task.grid.tiles() - first_tile);
    const int64_t in_stride = component_stride(task.block_tiles, round_up(C, lanes()));
    const int64_t out_stride = component_stride(task.block_tiles, panel);
    float* staged = scratch;
    float* transformed = staged + kComponents * kStagedChannels;
    float* products = transformed + kComponents * in_stride;

    transform_block<Side::input>(task.source, task.grid, {first_tile, tiles, 0, C}, staged, transformed,
                                 in_stride);
    for (int64_t p = item.first_panel; p < item.last_panel; ++p) {
        const int64_t width = std::min(panel, round_up(K - p * panel, lanes()));
        const float* weights = task.weights + p * kComponents * C * panel;
        for (int64_t i = 0; i < kComponents; ++i) {
            multiply_component(transformed + i * in_stride, tiles, C, weights + i * C * width, width,
                               products + i * out_stride);
        }
        store_block(task.sink, task.grid, first_tile, tiles, p * panel, width, products, out_stride);
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace objloc::winograd {

HWY_EXPORT(simd_shape);
HWY_EXPORT(run_forward_item);

SimdShape best_simd_shape() {
    return HWY_DYNAMIC_DISPATCH(simd_shape)();
}

namespace {

constexpr int64_t kBlockFloats = int64_t{1} << 17;  // of transformed tiles and products: half of a 1 MiB L2
constexpr int64_t kMinBlockTiles = 24, kMaxBlockTiles = 96;

constexpr int64_t kStreamedFloats = int64_t{4} << 20;  // half of a 32 MiB L3 cache

// Tiles of a block: a multiple of all micro-kernels' rows.
int64_t block_tiles(int64_t channels, const SimdShape& simd) {
    const int64_t fitting = kBlockFloats / (kComponents * (channels + simd.panel));
    return std::clamp(fitting / 24 * 24, kMinBlockTiles, kMaxBlockTiles);
}

int64_t scratch_floats_per_thread(int64_t channels) {
    const SimdShape simd = best_simd_shape();
    const int64_t tiles = block_tiles(channels, simd);
    return kComponents * (kStagedChannels + component_stride(tiles, round_up(channels, simd.lanes)) +
                          component_stride(tiles, simd.panel));
}

// Whether the output is too large for the caches, and its vectors are whole and aligned.
bool worth_streaming(const ForwardTask& task, int64_t lanes) {
    const int64_t pixels = task.grid.N * task.grid.rows * task.grid.columns / (task.sink.pooled ? 4 : 1);
    return pixels * task.sink.channels >= kStreamedFloats && task.sink.channels % lanes == 0 &&
           reinterpret_cast<uintptr_t>(task.sink.data) % 64 == 0;
}

void run_forward(ForwardTask& task, float* scratch, int threads) {
    const SimdShape simd = best_simd_shape();
    const int64_t channels = task.source.channels;
    task.block_tiles = block_tiles(channels, simd);
    task.sink.streamed = worth_streaming(task, simd.lanes);
    const int64_t blocks = divide_up(task.grid.tiles(), task.block_tiles);
    const int64_t panels = divide_up(task.sink.channels, simd.panel);
    // Enough items that the last one to finish is not waited for long.
    const int64_t groups = std::clamp<int64_t>(divide_up(8 * threads, blocks), 1, panels);
    const int64_t thread_floats = scratch_floats_per_thread(channels);
    const auto run_item = HWY_DYNAMIC_DISPATCH(run_forward_item);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t i = 0; i < blocks * groups; ++i) {
        const int64_t group = i % groups;
        const ForwardItem item{i / groups, group * panels / groups, (group + 1) * panels / groups};
        run_item(task, item, scratch + omp_get_thread_num() * thread_floats);
    }
}

}  // namespace

size_t forward_scratch_floats(int64_t channels, int threads) {
    return static_cast<size_t>(scratch_floats_per_thread(channels) * threads);
}

}  // namespace objloc::winograd

namespace objloc {

void winograd_forward(const Conv2dProblem& p, const float* x, const float* transformed, const float* bias,
                      float* y, uint8_t* codes, void* scratch, int threads) {
    winograd::ForwardTask task{};
    task.grid = {p.N, p.P(), p.Q(), p.pad_top, p.pad_left};
    task.source = {x, nullptr, false, p.H, p.W, p.C};
    task.sink = {y, codes, p.pool, p.K, bias, nullptr, p.relu};
    task.weights = transformed;
    winograd::run_forward(task, static_cast<float*>(scratch), threads);
}

void winograd_backward_data(const Conv2dProblem& p, const float* dy, const uint8_t* codes,
                            const float* transformed, const float* relu_source, float* dx, void* scratch,
                            int threads) {
    winograd::ForwardTask task{};
    task.grid = {p.N, p.H, p.W, p.R - 1 - p.pad_top, p.S - 1 - p.pad_left};
    task.source = {dy, codes, p.pool, p.P(), p.Q(), p.K};
    task.sink = {dx, nullptr, false, p.C, nullptr, relu_source, false};
    task.weights = transformed;
    winograd::run_forward(task, static_cast<float*>(scratch), threads);
}

}  // namespace objloc
#endif
