// u = G g G^T: the weights, packed for the products: (panels, 36, C, panel), so that a product reads them in
// one stream. The last panel may be narrower; filters that it lacks are zero.

#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_plan.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_targets.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "objloc/kernels/cpu/conv2d/winograd/winograd_weights.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "objloc/kernels/cpu/conv2d/winograd/winograd_transforms-inl.h"

#ifndef OBJLOC_WINOGRAD_WEIGHTS_ONCE
#define OBJLOC_WINOGRAD_WEIGHTS_ONCE
namespace objloc::winograd {

/// The weights as the pass sees them: element (r, s, c, k) is w[tap * (r * 3 + s) + c * channel + k *
/// filter].
struct WeightView {
    const float* w;
    int64_t tap, channel, filter;
    int64_t C, K;
};

}  // namespace objloc::winograd
#endif

HWY_BEFORE_NAMESPACE();
namespace objloc::winograd {
namespace HWY_NAMESPACE {

// Filters first_filter .. + width - 1 of channel c -> staged (9, width), zero after the last filter.
void stage_filters(const WeightView& view, int64_t c, int64_t first_filter, int64_t width, float* staged) {
    for (int64_t tap = 0; tap < 9; ++tap) {
        const float* from = view.w + tap * view.tap + c * view.channel + first_filter * view.filter;
        const int64_t count = std::min(width, view.K - first_filter);
        for (int64_t k = 0; k < width; ++k)
            staged[tap * width + k] = k < count ? from[k * view.filter] : 0.0f;
    }
}

// One channel of one panel.
void transform_filters(const WeightView& view, int64_t panel, int64_t panel_width, int64_t c,
                       float* transformed) {
    const int64_t width = std::min(panel_width, round_up(view.K - panel * panel_width, lanes()));
    float* to = transformed + panel * kComponents * view.C * panel_width + c * width;
    HWY_ALIGN float staged[9 * kMaxPanel];
    stage_filters(view, c, panel * panel_width, width, staged);
    for (int64_t k = 0; k < width; k += lanes()) transform_weights(staged + k, width, to + k, view.C * width);
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::winograd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace objloc::winograd {

HWY_EXPORT(transform_filters);

namespace {

void transform_all(const WeightView& view, float* transformed, int threads) {
    const int64_t panel_width = best_simd_shape().panel, panels = divide_up(view.K, panel_width);
    const auto transform = HWY_DYNAMIC_DISPATCH(transform_filters);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < panels * view.C; ++i) {
        transform(view, i / view.C, panel_width, i % view.C, transformed);
    }
}

}  // namespace
}  // namespace objloc::winograd

namespace objloc {

size_t winograd_weight_floats(const Conv2dProblem& p, WinogradPass pass) {
    const int64_t lanes = winograd::best_simd_shape().lanes;
    const int64_t C = pass == WinogradPass::forward ? p.C : p.K,
                  K = pass == WinogradPass::forward ? p.K : p.C;
    return static_cast<size_t>(winograd::kComponents * C * winograd::round_up(K, lanes));
}

void winograd_transform_weights_forward(const Conv2dProblem& p, const float* w, float* transformed,
                                        int threads) {
    winograd::transform_all({w, p.C * p.K, p.K, 1, p.C, p.K}, transformed, threads);
}

void winograd_transform_weights_backward(const Conv2dProblem& p, const float* w, float* transformed,
                                         int threads) {
    // From the last tap backwards is the flip in both directions.
    winograd::transform_all({w + 8 * p.C * p.K, -p.C * p.K, 1, p.K, p.K, p.C}, transformed, threads);
}

}  // namespace objloc
#endif
