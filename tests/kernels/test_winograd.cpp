// The CPU's Winograd convolution against plain loop nests in double precision: every pass, odd sizes,
// borders, channels that fill no vector, pooling and its codes, on every instruction set that this processor
// has; and the same bits on any number of threads.
#include <doctest/doctest.h>

#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "objloc/kernels/cpu/conv2d/winograd/winograd.h"

namespace objloc {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Codes = std::vector<uint8_t>;

// F(4x4, 3x3) in float loses up to about 5 bits to its transforms: errors relative to the largest result are
// a few 1e-6, and 3e-5 leaves room for small sums without hiding a wrong pixel, which would be off by
// about 1.
constexpr double kTolerance = 3e-5;

Floats random_floats(int64_t count, uint32_t seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    Floats v(static_cast<size_t>(count));
    for (float& f : v) f = uniform(generator);
    return v;
}

Conv2dProblem problem(int64_t N, int64_t H, int64_t W, int64_t C, int64_t K, int64_t pad) {
    Conv2dProblem p;
    p.N = N, p.H = H, p.W = W, p.C = C, p.K = K;
    p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = pad;
    return p;
}

std::vector<Conv2dProblem> cases() {
    std::vector<Conv2dProblem> all = {
        problem(1, 1, 1, 8, 8, 1),     problem(3, 1, 1, 16, 24, 1),   problem(1, 4, 4, 8, 8, 1),
        problem(2, 8, 8, 16, 16, 1),   problem(1, 5, 7, 9, 11, 1),    problem(2, 6, 6, 17, 33, 0),
        problem(1, 3, 3, 8, 8, 0),     problem(2, 13, 10, 19, 70, 1), problem(5, 7, 9, 32, 20, 1),
        problem(1, 16, 16, 64, 64, 1), problem(2, 9, 12, 65, 130, 1), problem(1, 2, 21, 130, 66, 1),
        problem(2, 11, 6, 48, 96, 2),  problem(3, 24, 24, 12, 10, 1), problem(1, 8, 8, 200, 129, 1),
        problem(1, 70, 66, 8, 16, 1),
    };
    Conv2dProblem uneven = problem(2, 9, 10, 16, 18, 0);
    uneven.pad_top = 2, uneven.pad_right = 1;
    all.push_back(uneven);
    return all;
}

std::string describe(const Conv2dProblem& p) {
    std::string text = "N" + std::to_string(p.N) + " H" + std::to_string(p.H) + " W" + std::to_string(p.W);
    return text + " C" + std::to_string(p.C) + " K" + std::to_string(p.K) + " pad" +
           std::to_string(p.pad_top);
}

size_t at(int64_t i) {
    return static_cast<size_t>(i);
}

// Calls visit(output pixel, input pixel, tap) for every product of one channel and one filter.
template <typename Visit>
void for_each_tap(const Conv2dProblem& p, const Visit& visit) {
    for (int64_t n = 0; n < p.N; ++n) {
        for (int64_t i = 0; i < p.P() * p.Q() * 9; ++i) {
            const int64_t y = i / 9 / p.Q(), x = i / 9 % p.Q(), r = i % 9 / 3, s = i % 3;
            const int64_t row = y + r - p.pad_top, column = x + s - p.pad_left;
            if (row < 0 || row >= p.H || column < 0 || column >= p.W) continue;
            visit((n * p.P() + y) * p.Q() + x, (n * p.H + row) * p.W + column, r * 3 + s);
        }
    }
}

// y[n,p,q,k] = bias[k] + sum over r,s,c of x[n, p + r - pad_top, q + s - pad_left, c] * w[r,s,c,k]
Doubles reference_forward(const Conv2dProblem& p, const Floats& x, const Floats& w, const Floats& bias) {
    Doubles y(at(p.N * p.P() * p.Q() * p.K));
    for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<double>(bias[i % at(p.K)]);
    for_each_tap(p, [&](int64_t out, int64_t in, int64_t tap) {
        for (int64_t c = 0; c < p.C; ++c) {
            const double value = static_cast<double>(x[at(in * p.C + c)]);
            const float* weights = &w[at((tap * p.C + c) * p.K)];
            for (int64_t k = 0; k < p.K; ++k) y[at(out * p.K + k)] += value * static_cast<double>(weights[k]);
        }
    });
    return y;
}

Doubles reference_backward_data(const Conv2dProblem& p, const Doubles& dy, const Floats& w,
                                const Floats& source) {
    Doubles dx(at(p.N * p.H * p.W * p.C));
    for_each_tap(p, [&](int64_t out, int64_t in, int64_t tap) {
        for (int64_t c = 0; c < p.C; ++c) {
            const float* weights = &w[at((tap * p.C + c) * p.K)];
            double sum = 0;
            for (int64_t k = 0; k < p.K; ++k) sum += dy[at(out * p.K + k)] * static_cast<double>(weights[k]);
            dx[at(in * p.C + c)] += sum;
        }
    });
    for (size_t i = 0; i < dx.size() && !source.empty(); ++i) {
        if (source[i] <= 0) dx[i] = 0;
    }
    return dx;
}

Doubles reference_backward_weights(const Conv2dProblem& p, const Floats& x, const Doubles& dy) {
    Doubles dw(at(9 * p.C * p.K));
    for_each_tap(p, [&](int64_t out, int64_t in, int64_t tap) {
        for (int64_t c = 0; c < p.C; ++c) {
            const double value = static_cast<double>(x[at(in * p.C + c)]);
            for (int64_t k = 0; k < p.K; ++k)
                dw[at((tap * p.C + c) * p.K + k)] += value * dy[at(out * p.K + k)];
        }
    });
    return dw;
}

// The position of element i of the pooled output's (row, column) = (0, 0) corner in the full output.
size_t window_corner(const Conv2dProblem& p, size_t i) {
    const int64_t k = static_cast<int64_t>(i) % p.K, pixel = static_cast<int64_t>(i) / p.K;
    const int64_t q = pixel % (p.Q() / 2), row = pixel / (p.Q() / 2) % (p.P() / 2);
    const int64_t n = pixel / (p.Q() / 2) / (p.P() / 2);
    return at(((n * p.P() + 2 * row) * p.Q() + 2 * q) * p.K + k);
}

// How far from `corner` the pixel of a code lies.
size_t code_offset(const Conv2dProblem& p, int code) {
    return at((code / 2 * p.Q() + code % 2) * p.K);
}

// The pooled gradient back at the full output's size.
Doubles scatter(const Conv2dProblem& p, const Floats& dy, const Codes& codes) {
    Doubles full(at(p.N * p.P() * p.Q() * p.K));
    for (size_t i = 0; i < dy.size(); ++i) {
        if (codes[i] < kPoolClipped) {
            full[window_corner(p, i) + code_offset(p, codes[i])] = static_cast<double>(dy[i]);
        }
    }
    return full;
}

// The largest difference, relative to the largest expected value.
template <typename T>
double error(const std::vector<T>& got, const Doubles& expected) {
    REQUIRE(got.size() == expected.size());
    double difference = 0, largest = 1e-30;
    for (size_t i = 0; i < got.size(); ++i) {
        const double d = std::abs(static_cast<double>(got[i]) - expected[i]);
        difference = d <= difference ? difference : d;  // so that a NaN stays
        largest = std::max(largest, std::abs(expected[i]));
    }
    return difference / largest;
}

// Aligned memory, full of NaN: nothing may be read before it is written.
class Scratch {
  public:
    explicit Scratch(size_t bytes) : data_(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
        std::fill_n(static_cast<float*>(data_.get()), bytes / sizeof(float), NAN);
    }
    float* floats() const { return static_cast<float*>(data_.get()); }

  private:
    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    std::unique_ptr<void, Free> data_;
};

Scratch scratch_for(const Conv2dProblem& p, WinogradPass pass, int threads) {
    return Scratch(winograd_scratch_bytes(p, pass, threads));
}

struct Pooled {
    Floats y;
    Codes codes;
};

Pooled forward(const Conv2dProblem& p, const Floats& x, const Floats& w, const float* bias, int threads) {
    const Scratch weights(winograd_weight_floats(p, WinogradPass::forward) * sizeof(float));
    winograd_transform_weights_forward(p, w.data(), weights.floats(), threads);
    const size_t count = at(p.N * p.out_rows() * p.out_columns() * p.K);
    Pooled out{Floats(count, NAN), Codes(p.pool ? count : 0, 99)};
    winograd_forward(p, x.data(), weights.floats(), bias, out.y.data(), out.codes.data(),
                     scratch_for(p, WinogradPass::forward, threads).floats(), threads);
    return out;
}

Floats backward_data(const Conv2dProblem& p, const Pooled& dy, const Floats& w, const Floats& source,
                     int threads) {
    const Scratch weights(winograd_weight_floats(p, WinogradPass::backward_data) * sizeof(float));
    winograd_transform_weights_backward(p, w.data(), weights.floats(), threads);
    Floats dx(at(p.N * p.H * p.W * p.C), NAN);
    winograd_backward_data(p, dy.y.data(), dy.codes.data(), weights.floats(),
                           source.empty() ? nullptr : source.data(), dx.data(),
                           scratch_for(p, WinogradPass::backward_data, threads).floats(), threads);
    return dx;
}

Floats backward_weights(const Conv2dProblem& p, const Floats& x, const Pooled& dy, int threads) {
    Floats dw(at(9 * p.C * p.K), NAN);
    winograd_backward_weights(p, x.data(), dy.y.data(), dy.codes.data(), dw.data(),
                              scratch_for(p, WinogradPass::backward_weights, threads).floats(), threads);
    return dw;
}

struct Data {
    Floats x, w, bias;
    Pooled dy;
};

Data random_data(const Conv2dProblem& p) {
    const int64_t out = p.N * p.out_rows() * p.out_columns() * p.K;
    Data data{random_floats(p.N * p.H * p.W * p.C, 1),
              random_floats(9 * p.C * p.K, 2),
              random_floats(p.K, 3),
              {random_floats(out, 4), {}}};
    std::mt19937 generator(5);
    for (int64_t i = 0; i < out && p.pool; ++i)
        data.dy.codes.push_back(static_cast<uint8_t>(generator() % 5));
    return data;
}

// Runs `check` on each instruction set that was compiled in and that this processor has, by name.
template <typename Check>
void on_each_target(const Check& check) {
    const int64_t supported = hwy::SupportedTargets();
    for (int64_t left = supported; left != 0; left &= left - 1) {
        const int64_t target = left & -left;
        hwy::SetSupportedTargetsForTest(target);
        CAPTURE(std::string(hwy::TargetName(target)));
        check();
    }
    hwy::SetSupportedTargetsForTest(0);
}

}  // namespace

TEST_CASE("winograd applies to 3x3 convolutions at stride 1") {
    CHECK(winograd_applies(problem(1, 8, 8, 64, 64, 1)));
    CHECK(winograd_applies(problem(1, 8, 8, 64, 64, 0)));
    CHECK_FALSE(winograd_applies(problem(1, 8, 8, 3, 64, 1)));
    CHECK_FALSE(winograd_applies(problem(1, 8, 8, 64, 64, 3)));
    Conv2dProblem p = problem(1, 8, 8, 64, 64, 1);
    p.stride_h = 2;
    CHECK_FALSE(winograd_applies(p));
    p = problem(1, 8, 8, 64, 64, 1);
    p.R = 5;
    CHECK_FALSE(winograd_applies(p));
}

TEST_CASE("winograd forward") {
    on_each_target([] {
        for (Conv2dProblem p : cases()) {
            CAPTURE(describe(p));
            const Data data = random_data(p);
            Doubles expected = reference_forward(p, data.x, data.w, data.bias);
            CHECK(error(forward(p, data.x, data.w, data.bias.data(), 2).y, expected) < kTolerance);
            p.relu = true;
            for (double& v : expected) v = std::max(v, 0.0);
            CHECK(error(forward(p, data.x, data.w, data.bias.data(), 2).y, expected) < kTolerance);
        }
    });
}

TEST_CASE("winograd forward without bias") {
    const Conv2dProblem p = problem(2, 9, 9, 16, 20, 1);
    const Data data = random_data(p);
    const Doubles expected = reference_forward(p, data.x, data.w, Floats(at(p.K), 0.0f));
    CHECK(error(forward(p, data.x, data.w, nullptr, 2).y, expected) < kTolerance);
}

TEST_CASE("winograd forward with pooling") {
    on_each_target([] {
        for (Conv2dProblem p : cases()) {
            for (const bool relu : {false, true}) {
                p.pool = true, p.relu = relu;
                CAPTURE(describe(p));
                CAPTURE(relu);
                const Data data = random_data(p);
                const Doubles full = reference_forward(p, data.x, data.w, data.bias);
                const Pooled got = forward(p, data.x, data.w, data.bias.data(), 2);
                Doubles expected(got.y.size());
                double worst_choice = 0, largest = 1e-30;
                for (double v : full) largest = std::max(largest, std::abs(v));
                for (size_t i = 0; i < expected.size(); ++i) {
                    const size_t corner = window_corner(p, i);
                    double best = full[corner];
                    for (int code = 1; code < 4; ++code)
                        best = std::max(best, full[corner + code_offset(p, code)]);
                    expected[i] = relu ? std::max(best, 0.0) : best;
                    REQUIRE(got.codes[i] <= (relu ? kPoolClipped : 3));
                    // Rounding may choose another pixel only where the two are nearly equal.
                    const bool clipped = got.codes[i] == kPoolClipped;
                    const double chosen = clipped ? 0 : full[corner + code_offset(p, got.codes[i])];
                    worst_choice = std::max(worst_choice, clipped ? best : best - chosen);
                    CHECK_EQ(clipped, relu && got.y[i] == 0.0f);
                }
                CHECK(worst_choice / largest < kTolerance);
                if (!expected.empty()) CHECK(error(got.y, expected) < kTolerance);
            }
        }
    });
}

TEST_CASE("winograd pooling takes the first of equal maxima") {
    on_each_target([] {
        Conv2dProblem p = problem(1, 8, 8, 8, 8, 1);
        p.pool = true;
        const Floats w(at(9 * p.C * p.K), 0.0f), x = random_floats(p.H * p.W * p.C, 1);
        const Floats positive(at(p.K), 1.0f), negative(at(p.K), -1.0f);
        for (const uint8_t code : forward(p, x, w, negative.data(), 1).codes) CHECK_EQ(code, 0);
        p.relu = true;
        for (const uint8_t code : forward(p, x, w, positive.data(), 1).codes) CHECK_EQ(code, 0);
        for (const uint8_t code : forward(p, x, w, negative.data(), 1).codes) CHECK_EQ(code, kPoolClipped);
    });
}

TEST_CASE("winograd gradients") {
    on_each_target([] {
        for (Conv2dProblem p : cases()) {
            for (const bool pool : {false, true}) {
                p.pool = pool;
                CAPTURE(describe(p));
                CAPTURE(pool);
                const Data data = random_data(p);
                const Doubles dy =
                    pool ? scatter(p, data.dy.y, data.dy.codes) : Doubles(data.dy.y.begin(), data.dy.y.end());
                CHECK(error(backward_data(p, data.dy, data.w, {}, 2),
                            reference_backward_data(p, dy, data.w, {})) < kTolerance);
                CHECK(error(backward_data(p, data.dy, data.w, data.x, 2),
                            reference_backward_data(p, dy, data.w, data.x)) < kTolerance);
                CHECK(error(backward_weights(p, data.x, data.dy, 2),
                            reference_backward_weights(p, data.x, dy)) < kTolerance);
            }
        }
    });
}

// Outputs of 16 MB and more go past the caches if they are aligned, which must change no bit.
TEST_CASE("winograd writes large outputs as it writes small ones") {
    for (const bool pool : {false, true}) {
        Conv2dProblem p = problem(1, pool ? 512 : 256, pool ? 512 : 256, 8, 64, 1);
        p.pool = p.relu = pool;
        const Data data = random_data(p);
        const Pooled expected = forward(p, data.x, data.w, data.bias.data(), 2);
        const Scratch weights(winograd_weight_floats(p, WinogradPass::forward) * sizeof(float));
        winograd_transform_weights_forward(p, data.w.data(), weights.floats(), 2);
        const Scratch scratch = scratch_for(p, WinogradPass::forward, 2);
        const size_t count = expected.y.size();
        const Scratch y((count + 1) * sizeof(float));
        for (const size_t offset : {size_t{0}, size_t{1}}) {
            Codes codes(count);
            winograd_forward(p, data.x.data(), weights.floats(), data.bias.data(), y.floats() + offset,
                             codes.data(), scratch.floats(), 2);
            CHECK((!pool || codes == expected.codes));
            CHECK(std::equal(expected.y.begin(), expected.y.end(), y.floats() + offset));
        }
    }
}

TEST_CASE("winograd gives the same bits on any number of threads") {
    // The last has tiles enough for several slots of the weight gradient.
    for (const Conv2dProblem& p : {problem(1, 8, 8, 200, 129, 1), problem(3, 24, 24, 12, 10, 1),
                                   problem(2, 13, 10, 19, 70, 1), problem(3, 66, 66, 16, 16, 1)}) {
        CAPTURE(describe(p));
        const Data data = random_data(p);
        const Floats y = forward(p, data.x, data.w, data.bias.data(), 1).y;
        const Floats dx = backward_data(p, data.dy, data.w, data.x, 1),
                     dw = backward_weights(p, data.x, data.dy, 1);
        for (const int threads : {2, 3}) {
            CHECK(forward(p, data.x, data.w, data.bias.data(), threads).y == y);
            CHECK(backward_data(p, data.dy, data.w, data.x, threads) == dx);
            CHECK(backward_weights(p, data.x, data.dy, threads) == dw);
        }
    }
}

}  // namespace objloc
