// dw[i,k] = sum over n,p,q of window[i] * dy[n,p,q,k], i over R rows of S * C floats each.
// A thread's turn is a band of output rows of one image. It first copies the input rows under the band, with
// the zeros of the padding, so that every window is plain memory (18 rows of 130 RGB pixels are 28 KB). A
// register tile is some elements of the window by one or two vectors of filters, summed along an output row.
// Each band has its own sums, which are added in order at the end.
#include "objloc/kernels/cpu/conv2d/few_channels/conv2d_few_channels.h"

#include <omp.h>

#include <algorithm>

#include "objloc/kernels/cpu/conv2d/conv2d_kernel.h"
#include "objloc/kernels/cpu/conv2d/winograd/winograd_targets.h"
#include "objloc/kernels/cpu/ops/column_sums.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "objloc/kernels/cpu/conv2d/few_channels/conv2d_few_channels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef OBJLOC_CONV2D_FEW_CHANNELS_ONCE
#define OBJLOC_CONV2D_FEW_CHANNELS_ONCE
namespace objloc::cpu {

constexpr int64_t kBandRows = 16;

/// Output rows [first, first + rows) of image n, and the padded input (input_rows, stride) under them.
struct Band {
    int64_t n, first, rows;
    const float* input;
    int64_t stride;
};

inline int64_t bands_of(const Conv2dProblem& p) {
    return (p.P() + kBandRows - 1) / kBandRows;
}
inline int64_t padded_stride(const Conv2dProblem& p) {
    return (p.pad_left + p.W + p.pad_right) * p.C;
}
inline int64_t padded_floats(const Conv2dProblem& p) {
    return ((kBandRows - 1) * p.stride_h + p.R) * padded_stride(p);
}

/// The band that is the thread's `turn`; its input is copied to `padded`.
inline Band load_band(const Conv2dProblem& p, const float* x, int64_t turn, float* padded) {
    const int64_t n = turn / bands_of(p), first = turn % bands_of(p) * kBandRows;
    const Band band = {n, first, std::min(kBandRows, p.P() - first), padded, padded_stride(p)};
    for (int64_t r = 0; r < (band.rows - 1) * p.stride_h + p.R; ++r) {
        const int64_t h = first * p.stride_h - p.pad_top + r;
        float* to = padded + r * band.stride;
        if (h < 0 || h >= p.H) {
            std::fill_n(to, band.stride, 0.f);
            continue;
        }
        to = std::fill_n(to, p.pad_left * p.C, 0.f);
        to = std::copy_n(x + (n * p.H + h) * p.W * p.C, p.W * p.C, to);
        std::fill_n(to, p.pad_right * p.C, 0.f);
    }
    return band;
}

}  // namespace objloc::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace objloc::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Elements of the window in a register tile: three tiles cover a 3x3 window of 3 channels, and nine sums of
// one vector hide the latency of a multiply-add. With 16 registers, six by two vectors fit.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
constexpr int kTile = 9;
#else
constexpr int kTile = 6;
#endif

/// part[i,k] += sum over one output row, for elements i .. i + kTile - 1 and kVectors vectors of filters from
/// k on. Where fewer elements are left, the last one fills the tile and is not stored.
template <int kVectors>
HWY_INLINE void gradient_tile(const Conv2dProblem& p, const Band& band, const float* dy, int64_t row,
                              int64_t i, int64_t k, float* part) {
    const HWY_FULL(float) d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), columns = p.S * p.C, elements = p.R * columns;
    const float* element[kTile];
    hn::Vec<HWY_FULL(float)> sum[kTile][static_cast<size_t>(kVectors)];
    for (int t = 0; t < kTile; ++t) {
        const int64_t at = std::min(i + t, elements - 1);
        element[t] = band.input + (row * p.stride_h + at / columns) * band.stride + at % columns;
        for (int v = 0; v < kVectors; ++v) sum[t][v] = hn::Zero(d);
    }
    for (int64_t q = 0; q < p.Q(); ++q) {
        hn::Vec<HWY_FULL(float)> g[static_cast<size_t>(kVectors)];
        for (int v = 0; v < kVectors; ++v) g[v] = hn::LoadU(d, dy + q * p.K + k + v * lanes);
        for (int t = 0; t < kTile; ++t) {
            const auto x = hn::Set(d, element[t][q * p.stride_w * p.C]);
            for (int v = 0; v < kVectors; ++v) sum[t][v] = hn::MulAdd(x, g[v], sum[t][v]);
        }
    }
    for (int t = 0; t < kTile && i + t < elements; ++t) {
        for (int v = 0; v < kVectors; ++v) {
            float* to = part + (i + t) * p.K + k + v * lanes;
            hn::StoreU(hn::Add(hn::LoadU(d, to), sum[t][v]), d, to);
        }
    }
}

// Row after row, so that a row of dy comes from the L1 cache for all but the first of its tiles.
template <int kVectors>
void gradient_band(const Conv2dProblem& p, const Band& band, const float* dy, float* part) {
    const int64_t width = kVectors * static_cast<int64_t>(hn::Lanes(HWY_FULL(float)())),
                  elements = p.R * p.S * p.C;
    std::fill_n(part, elements * p.K, 0.f);
    for (int64_t row = 0; row < band.rows; ++row) {
        const float* from = dy + (band.n * p.P() + band.first + row) * p.Q() * p.K;
        for (int64_t i = 0; i < elements; i += kTile) {
            for (int64_t k = 0; k < p.K; k += width) gradient_tile<kVectors>(p, band, from, row, i, k, part);
        }
    }
}

// Filters come in multiples of 16: two vectors of 4 or 8 lanes, and of 16 lanes one or two.
void gradient(const Conv2dProblem& p, const Band& band, const float* dy, float* part) {
    const bool two = p.K % (2 * static_cast<int64_t>(hn::Lanes(HWY_FULL(float)()))) == 0;
    two ? gradient_band<2>(p, band, dy, part) : gradient_band<1>(p, band, dy, part);
}

}  // namespace HWY_NAMESPACE
}  // namespace objloc::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace objloc::cpu {
namespace {

HWY_EXPORT(gradient);

}  // namespace

bool few_channels_applies(const Conv2dProblem& p) {
    return p.C <= 4 && p.K % 16 == 0 && !p.pool;
}

size_t few_channels_scratch_floats(const Conv2dProblem& p, int threads) {
    return static_cast<size_t>(threads * padded_floats(p) + p.N * bands_of(p) * p.R * p.S * p.C * p.K);
}

void few_channels_backward_weights(const Conv2dProblem& p, const float* x, const float* dy, float* dw,
                                   float* scratch, int threads) {
    const auto run = HWY_DYNAMIC_DISPATCH(gradient);
    const int64_t count = p.R * p.S * p.C * p.K;
    float* parts = scratch + threads * padded_floats(p);  // (N * bands, R, S, C, K)
    parallel_for(threads, p.N * bands_of(p), 1, [&](int64_t turn, int64_t) {
        const Band band = load_band(p, x, turn, scratch + omp_get_thread_num() * padded_floats(p));
        run(p, band, dy, parts + turn * count);
    });
    column_sums(threads, p.N * bands_of(p), count, parts, nullptr, dw);
}

namespace {

class FewChannelsConvolution final : public Conv2dPasses {
  public:
    FewChannelsConvolution(int threads, std::shared_ptr<CachingAllocator> allocator)
        : threads_(threads), allocator_(std::move(allocator)) {}

    void backward_weights(const Conv2dProblem& problem, const Tensor& x, const Conv2dGradient& gradient,
                          const Tensor& dw) override {
        const size_t floats = few_channels_scratch_floats(problem, threads_);
        const Tensor scratch({static_cast<int64_t>(floats)}, DType::f32,
                             std::make_shared<Storage>(allocator_, floats * sizeof(float)));
        few_channels_backward_weights(problem, x.data<float>(), gradient.dy.data<float>(), dw.data<float>(),
                                      scratch.data<float>(), threads_);
    }

  private:
    int threads_;
    std::shared_ptr<CachingAllocator> allocator_;
};

}  // namespace

const Conv2dKernel conv2d_kernels::few_channels = {
    {.name = "few_channels",
     .family = "direct",
     .needs = {},
     .applies = [](ConvPass pass, const Conv2dProblem& problem,
                   Precision) { return pass == ConvPass::backward_weights && few_channels_applies(problem); },
     .preference = [](ConvPass, const Conv2dProblem&) { return 2; }},
    [](int threads, Precision,
       const std::shared_ptr<CachingAllocator>& allocator) -> std::unique_ptr<Conv2dPasses> {
        return std::make_unique<FewChannelsConvolution>(threads, allocator);
    },
};

}  // namespace objloc::cpu
#endif
