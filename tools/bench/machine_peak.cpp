// fp32 multiply-adds and streaming copies as fast as this processor can, compiled for every instruction set
// that Highway knows and chosen at run time.
#include "tools/bench/machine_peak.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "objloc/kernels/backends.h"
#include "tools/bench/environment.h"
#include "tools/bench/timing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/machine_peak.cpp"
#include <hwy/aligned_allocator.h>
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace objloc::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

/// `rounds` times 12 independent multiply-adds of whole vectors: enough to hide a latency of 4 to 6 cycles
/// on two units, few enough for 16 registers. Returns the floating-point operations; `sink` keeps the
/// compiler from leaving them out.
double multiply_add(int64_t rounds, float* sink) {
    const Floats d;
    const auto factor = hn::Set(d, 0.999f + *sink), term = hn::Set(d, 1e-3f + *sink);
    // Each starts elsewhere, or the compiler would see that one chain does for all.
    auto a = hn::Set(d, 1.1f), b = hn::Set(d, 1.2f), c = hn::Set(d, 1.3f), e = hn::Set(d, 1.4f);
    auto f = hn::Set(d, 1.5f), g = hn::Set(d, 1.6f), h = hn::Set(d, 1.7f), i = hn::Set(d, 1.8f);
    auto j = hn::Set(d, 1.9f), k = hn::Set(d, 2.0f), l = hn::Set(d, 2.1f), m = hn::Set(d, 2.2f);
    for (int64_t round = 0; round < rounds; ++round) {
        a = hn::MulAdd(a, factor, term), b = hn::MulAdd(b, factor, term), c = hn::MulAdd(c, factor, term);
        e = hn::MulAdd(e, factor, term), f = hn::MulAdd(f, factor, term), g = hn::MulAdd(g, factor, term);
        h = hn::MulAdd(h, factor, term), i = hn::MulAdd(i, factor, term), j = hn::MulAdd(j, factor, term);
        k = hn::MulAdd(k, factor, term), l = hn::MulAdd(l, factor, term), m = hn::MulAdd(m, factor, term);
    }
    const auto sum = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
    *sink = hn::GetLane(hn::Add(sum, hn::Add(hn::Add(j, k), hn::Add(l, m))));
    return 2.0 * 12 * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

/// `count` is a multiple of any vector's length; both are aligned.
void stream_copy(const float* from, float* to, size_t count) {
    const Floats d;
    for (size_t i = 0; i < count; i += hn::Lanes(d)) hn::Stream(hn::Load(d, from + i), d, to + i);
    hwy::FlushStream();
}

}  // namespace objloc::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace objloc::bench {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(stream_copy);

constexpr int kRepeats = 24;

/// All threads run at once, but each counts the best of its own short stretches: a moment in which the system
/// lends one core to somebody else then costs nothing.
double measure_flops(int threads) {
    constexpr int64_t kRounds = 500'000;  // a millisecond or so
    double total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    {
        alignas(64) std::array<float, 16> sink{};  // a cache line a thread
        double most = 0;
        for (int repeat = 0; repeat < 4 * kRepeats; ++repeat) {
            const Clock::time_point begin = Clock::now();
            const double flops = HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, sink.data());
            most = std::max(most, flops / seconds_since(begin));
        }
        total += most;
    }
    return total;
}

double measure_copy(int threads) {
    const size_t part = std::max(size_t{64} << 20, 4 * last_level_cache_bytes()) / sizeof(float) /
                        static_cast<size_t>(threads) / 1024 * 1024;
    const size_t count = part * static_cast<size_t>(threads);
    const auto from = hwy::AllocateAligned<float>(count), to = hwy::AllocateAligned<float>(count);
    if (!from || !to) throw std::bad_alloc();
    double most = 0;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
        const Clock::time_point begin = Clock::now();
#pragma omp parallel num_threads(threads)
        {
            const size_t first = part * static_cast<size_t>(omp_get_thread_num());
            // The first round only touches the pages, each from the thread that will copy it.
            if (repeat == 0) std::fill_n(from.get() + first, part, 1.0f);
            HWY_DYNAMIC_DISPATCH(stream_copy)(from.get() + first, to.get() + first, part);
        }
        if (repeat == 0) continue;
        most = std::max(most, 2.0 * static_cast<double>(count * sizeof(float)) / seconds_since(begin));
    }
    return most;
}

MachinePeak gpu_peak(Backend& backend, Precision precision, bool hopper) {
    MachinePeak peak;
    constexpr int64_t kCount = int64_t{1} << 28;  // 1 GiB, beyond any cache
    const Tensor from = backend.allocate({kCount}), to = backend.allocate({kCount});
    backend.fill(from, 1.0f);
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
        backend.synchronize();
        const Clock::time_point begin = Clock::now();
        backend.copy(from, to);
        backend.synchronize();
        peak.bytes_per_s =
            std::max(peak.bytes_per_s, static_cast<double>(from.bytes() + to.bytes()) / seconds_since(begin));
    }
    peak.flops_per_s = gpu_arithmetic(precision, hopper);
    peak.source = hopper ? "measured here" : "measured here, products without Hopper's own instructions";
    return peak;
}

}  // namespace

double MachinePeak::floor_seconds(double flops, double bytes) const {
    const double computing = flops_per_s > 0 ? flops / flops_per_s : 0;
    const double moving = bytes_per_s > 0 ? bytes / bytes_per_s : 0;
    return std::max(computing, moving);
}

MachinePeak measure_cpu_peak(int threads) {
    return {measure_flops(threads), measure_copy(threads), "measured here"};
}

MachinePeak peak_of(Backend& backend, int threads, Precision precision, bool hopper) {
    MachinePeak peak =
        backend.name() == "cpu" ? measure_cpu_peak(threads) : gpu_peak(backend, precision, hopper);
    peak.machine = backend.description();
    return peak;
}

}  // namespace objloc::bench
#endif
