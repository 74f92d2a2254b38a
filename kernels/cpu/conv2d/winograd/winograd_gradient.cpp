// dw = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G: the weight gradient.
//
// An item is a block of channels, a block of filters and a split, that is, a range of tiles. It walks its
// tiles a few at a time, transforms both sides, and adds the 36 products into (36, channels, filters) sums
// that stay in cache, each component's for the time of its product in L2. Both sides are transformed again
// for each block of the other: that costs a few percent, and moving the sums of all channels and filters
// through memory costs more. Slots give every core work when there are few channels; their 3x3 results are
// added in order at the end. Their number depends on the problem alone, so the bits do not depend on the
// threads.

#include <omp.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_plan.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_targets.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "objloc/kernels/cpu/conv2d/winograd/winograd_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_product-inl.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_window-inl.h"

#ifndef OBJLOC_WINOGRAD_GRADIENT_ONCE
#define OBJLOC_WINOGRAD_GRADIENT_ONCE
namespace objloc::winograd {

/// One weight gradient.
struct GradientTask {
    TileGrid grid;
    Source x, dy;
    int64_t splits;
    float* partial;  // (splits, 3, 3, C, K)
};

/// What one thread does at a time.
struct GradientItem {
    int64_t split, first_channel, channels, first_filter, filters;
};

inline constexpr int64_t kItemChannels = 128, kItemFilters = 128;  // 36 x 128 x 128 sums are 2.4 MB
inline constexpr int64_t kStepTiles = 24;                          // tiles transformed at a time

/// Offsets in a thread's scratch, in floats.
struct GradientScratch {
    int64_t in_stride = component_stride(kStepTiles, kItemChannels);
    int64_t dy_stride = component_stride(kStepTiles, kItemFilters);
    int64_t sum_stride = component_stride(kItemChannels, kItemFilters);
    int64_t x = kComponents * kStagedChannels;
    int64_t dy = x + kComponents * in_stride;
    int64_t sums = dy + kComponents * dy_stride;
    int64_t total = sums + kComponents * sum_stride;
};

}  // namespace objloc::winograd
#endif

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

// The 36 products of some tiles, added to the sums of each panel of filters.
void add_products(const GradientItem& item, int64_t tiles, bool accumulate, float* scratch) {
    const GradientScratch at;
    const int64_t panel = kPanelVectors * lanes();
    for (int64_t i = 0; i < kComponents; ++i) {
        for (int64_t k = 0; k < item.filters; k += panel) {
            const int64_t width = std::min(panel, round_up(item.filters - k, lanes()));
            const Product product{scratch + at.x + i * at.in_stride,
                                  scratch + at.dy + i * at.dy_stride + k * kStepTiles,
                                  scratch + at.sums + i * at.sum_stride + k * kItemChannels,
                                  round_up(item.channels, lanes()),
                                  width,
                                  tiles,
                                  accumulate};
            multiply<Left::columns>(product, item.channels);
        }
    }
}

// G^T sums G -> the item's part of dw (3, 3, C, K).
void store_gradient(const GradientTask& task, const GradientItem& item, const float* sums) {
    const GradientScratch at;
    const int64_t C = task.x.channels, K = task.dy.channels, panel = kPanelVectors * lanes();
    float* dw = task.partial + item.split * 9 * C * K;
    for (int64_t p = 0; p < item.filters; p += panel) {
        const int64_t width = std::min(panel, round_up(item.filters - p, lanes()));
        for (int64_t c = 0; c < item.channels; ++c) {
            for (int64_t k = 0; k < width && p + k < item.filters; k += lanes()) {
                Vec g[3][3];
                transform_weight_gradient(sums + p * kItemChannels + c * width + k, at.sum_stride, g);
                float* to = dw + (item.first_channel + c) * K + item.first_filter + p + k;
                for (int64_t tap = 0; tap < 9; ++tap) {
                    store_part(g[tap / 3][tap % 3], to + tap * C * K, item.filters - p - k);
                }
            }
        }
    }
}

void run_gradient_item(const GradientTask& task, const GradientItem& item, float* scratch) {
    const GradientScratch at;
    const int64_t panel = kPanelVectors * lanes();
    const int64_t begin = task.grid.tiles() * item.split / task.splits;
    const int64_t end = task.grid.tiles() * (item.split + 1) / task.splits;
    for (int64_t first = begin; first < end; first += kStepTiles) {
        const int64_t tiles = std::min(kStepTiles, end - first);
        transform_block<Side::input>(task.x, task.grid, {first, tiles, item.first_channel, item.channels},
                                     scratch, scratch + at.x, at.in_stride);
        for (int64_t k = 0; k < item.filters; k += panel) {
            const BlockPart part{first, tiles, item.first_filter + k, std::min(panel, item.filters - k)};
            transform_block<Side::gradient>(task.dy, task.grid, part, scratch,
                                            scratch + at.dy + k * kStepTiles, at.dy_stride);
        }
        add_products(item, tiles, first > begin, scratch);
    }
    store_gradient(task, item, scratch + at.sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace objloc::winograd {

HWY_EXPORT(run_gradient_item);

namespace {

// Slots, so that there are items for many cores, each with tiles enough to pay for its last transform.
int64_t gradient_splits(const Conv2dProblem& p) {
    const int64_t items = divide_up(p.C, kItemChannels) * divide_up(p.K, kItemFilters);
    const int64_t tiles = TileGrid{p.N, p.P(), p.Q(), 0, 0}.tiles();
    return std::clamp<int64_t>(64 / items, 1, std::max<int64_t>(1, tiles / 256));
}

// dw = the splits' results, added in order.
void reduce_partials(const float* partial, int64_t splits, int64_t count, float* dw, int threads) {
    constexpr int64_t kChunk = 4096;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t begin = 0; begin < count; begin += kChunk) {
        const int64_t end = std::min(count, begin + kChunk);
        std::copy(partial + begin, partial + end, dw + begin);
        for (int64_t split = 1; split < splits; ++split) {
            for (int64_t i = begin; i < end; ++i) dw[i] += partial[split * count + i];
        }
    }
}

}  // namespace

size_t gradient_scratch_floats(const Conv2dProblem& p, int threads) {
    const int64_t splits = gradient_splits(p);
    const int64_t partial = splits > 1 ? round_up(splits * 9 * p.C * p.K, 16) : 0;
    return static_cast<size_t>(partial + GradientScratch().total * threads);
}

}  // namespace objloc::winograd

namespace objloc {

void winograd_backward_weights(const Conv2dProblem& p, const float* x, const float* dy, const uint8_t* codes,
                               float* dw, void* scratch, int threads) {
    using namespace winograd;
    const int64_t splits = gradient_splits(p), thread_floats = GradientScratch().total;
    float* thread_scratch = static_cast<float*>(scratch);
    float* partial = splits > 1 ? thread_scratch + threads * thread_floats : dw;
    const GradientTask task{{p.N, p.P(), p.Q(), p.pad_top, p.pad_left},
                            {x, nullptr, false, p.H, p.W, p.C},
                            {dy, codes, p.pool, p.P(), p.Q(), p.K},
                            splits,
                            partial};
    const int64_t k_blocks = divide_up(p.K, kItemFilters), items = divide_up(p.C, kItemChannels) * k_blocks;
    const auto run_item = HWY_DYNAMIC_DISPATCH(run_gradient_item);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t i = 0; i < items * splits; ++i) {
        const int64_t c = i % items / k_blocks * kItemChannels, k = i % items % k_blocks * kItemFilters;
        const GradientItem item{i / items, c, std::min(kItemChannels, p.C - c), k,
                                std::min(kItemFilters, p.K - k)};
        run_item(task, item, thread_scratch + omp_get_thread_num() * thread_floats);
    }
    if (splits > 1) reduce_partials(partial, splits, 9 * p.C * p.K, dw, threads);
}

}  // namespace objloc
#endif
