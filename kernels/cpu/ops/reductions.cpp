// Sums and maxima over axes. An output's terms are taken in chunks of a fixed size, whose results are merged in order:
// so many threads can share a single output, and the bits do not depend on how many there are. Sums are taken in
// double. Where terms lie side by side a loop runs along them; else it runs across neighbouring outputs.
#include <algorithm>
#include <vector>

#include "objloc/kernels/axes/reduced.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

constexpr int64_t kTile = 256;                       // outputs that a loop across them makes: they stay in L1
constexpr int64_t kTermsAcross = 1024;               // terms of a chunk, where a loop runs across outputs
constexpr int64_t kTermsAlong = cpu::kElementGrain;  // where it runs along them

OBJLOC_SIMD double sum_of(int64_t count, const float* x) {
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]);
    return total;
}

OBJLOC_SIMD void add_to(int64_t count, const float* x, double* sums) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) sums[i] += static_cast<double>(x[i]);
}

/// How sums gather: `along` takes neighbouring terms of one output, `across` a term of each of neighbouring outputs.
/// Both are told the first term's number.
struct Sum {
    using State = double;
    static constexpr State kEmpty = 0;

    static void along(int64_t count, const float* x, int64_t, State& sum) { sum += sum_of(count, x); }
    static void across(int64_t count, const float* x, int64_t, State* sums) { add_to(count, x, sums); }
    static void merge(const State& later, State& sum) { sum += later; }
};

struct Max {
    struct State {
        float value;
        int32_t position;  // -1: none yet
    };
    static constexpr State kEmpty = {0, -1};

    static void take(float value, int64_t position, State& max) {
        const bool larger = value > max.value || (value != value && max.value == max.value);
        if (max.position < 0 || larger) max = {value, static_cast<int32_t>(position)};
    }
    static void along(int64_t count, const float* x, int64_t first, State& max) {
        for (int64_t i = 0; i < count; ++i) take(x[i], first + i, max);
    }
    static void across(int64_t count, const float* x, int64_t term, State* max) {
        for (int64_t i = 0; i < count; ++i) take(x[i], term, max[i]);
    }
    static void merge(const State& later, State& max) {
        if (later.position >= 0) take(later.value, later.position, max);
    }
};

template <typename Reduction>
typename Reduction::State reduce_along(const axes::Pair& terms, int64_t begin, int64_t end, const float* x) {
    typename Reduction::State state = Reduction::kEmpty;
    while (begin < end) {
        const int64_t count = std::min(terms.inner - begin % terms.inner, end - begin);
        Reduction::along(count, x + terms.offset(begin), begin, state);
        begin += count;
    }
    return state;
}

template <typename Reduction>
void reduce_across(const axes::Pair& terms, int64_t begin, int64_t end, int64_t outputs, const float* x,
                   typename Reduction::State* states) {
    std::fill_n(states, outputs, Reduction::kEmpty);
    for (int64_t t = begin; t < end; ++t) Reduction::across(outputs, x + terms.offset(t), t, states);
}

/// Calls `write(first output, count, states)` for all outputs, with what all their terms became.
template <typename Reduction, typename Write>
void reduce(int threads, const axes::Reduced& of, const float* x, const Write& write) {
    using State = typename Reduction::State;
    const bool along = of.along();
    const int64_t outputs = of.kept.count(), terms = of.terms.count();
    const int64_t line = along ? 1 : of.kept.inner, tile = std::min(line, kTile);
    const int64_t tiles = (line + tile - 1) / tile, lines = outputs / line;
    const int64_t chunk = along ? kTermsAlong : kTermsAcross, chunks = (terms + chunk - 1) / chunk;
    std::vector<State> parts(chunks > 1 ? static_cast<size_t>(chunks * outputs) : 0);  // (chunks, outputs)

    const int64_t work = tile * std::min(terms, chunk);
    const int64_t grain = std::max<int64_t>(1, cpu::kElementGrain / work);
    cpu::parallel_for(threads, lines * tiles * chunks, grain, [&](int64_t begin, int64_t end) {
        for (int64_t turn = begin; turn < end; ++turn) {
            const int64_t place = turn / chunks, first_term = turn % chunks * chunk;
            const int64_t first = place / tiles * line + place % tiles * tile;
            const int64_t count = std::min(tile, line - place % tiles * tile);
            const int64_t last_term = std::min(terms, first_term + chunk);
            State states[kTile];
            const float* from = x + of.kept.offset(first);
            if (along) {
                states[0] = reduce_along<Reduction>(of.terms, first_term, last_term, from);
            } else {
                reduce_across<Reduction>(of.terms, first_term, last_term, count, from, states);
            }
            if (chunks == 1) {
                write(first, count, states);
            } else {
                std::copy_n(states, count, parts.data() + turn % chunks * outputs + first);
            }
        }
    });
    if (chunks == 1) return;
    for (int64_t c = 1; c < chunks; ++c) {
        for (int64_t o = 0; o < outputs; ++o) {
            Reduction::merge(parts[static_cast<size_t>(c * outputs + o)], parts[static_cast<size_t>(o)]);
        }
    }
    write(0, outputs, parts.data());
}

}  // namespace

void CpuBackend::sum(const Tensor& x, const Tensor& y, double factor) {
    if (y.count() == 0) return;
    float* to = y.data<float>();
    reduce<Sum>(threads_, axes::reduced(x.shape(), y.shape()), x.data<float>(),
                [&](int64_t first, int64_t count, const double* sums) {
                    for (int64_t i = 0; i < count; ++i) to[first + i] = static_cast<float>(sums[i] * factor);
                });
}

void CpuBackend::max_forward(const Tensor& x, const Tensor& y, const Tensor& positions) {
    if (y.count() == 0) return;
    float* to = y.data<float>();
    auto* at = positions.data<int32_t>();
    reduce<Max>(threads_, axes::reduced(x.shape(), y.shape()), x.data<float>(),
                [&](int64_t first, int64_t count, const Max::State* max) {
                    for (int64_t i = 0; i < count; ++i) {
                        to[first + i] = max[i].value;
                        at[first + i] = max[i].position;
                    }
                });
}

void CpuBackend::max_backward(const Tensor& dy, const Tensor& positions, const Tensor& dx) {
    fill(dx, 0);
    const axes::Reduced of = axes::reduced(dx.shape(), dy.shape());
    const auto* at = positions.data<int32_t>();
    cpu::parallel_for(threads_, dy.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t o = begin; o < end; ++o) {
            dx.data<float>()[of.kept.offset(o) + of.terms.offset(at[o])] = dy.data<float>()[o];
        }
    });
}

}  // namespace objloc
