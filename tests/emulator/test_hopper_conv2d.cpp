// The convolutions for Hopper's tensor cores, on the host runtime against the references: small whole
// numbers, whose sums are exact, must give the reference's bits; other numbers may be wrong by rounding.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "objloc/kernels/cases/conv2d_shapes.h"
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#include "objloc/kernels/emulator/emulator.h"
#include "objloc/kernels/reference/conv2d_backward_data.h"
#include "objloc/kernels/reference/conv2d_backward_weights.h"
#include "objloc/kernels/reference/conv2d_forward.h"
#include "tests/emulator/hopper_convolutions.h"

namespace objloc {
namespace {

/// Shapes of several tiles and a tail, in which rows, columns and images end inside a patch.
std::vector<Conv2dProblem> shapes() {
    return {
        convolution({1, 16, 16, 64}, 64),
        convolution({3, 8, 8, 64}, 128),
        convolution({5, 4, 4, 128}, 64),
        convolution({1, 20, 12, 64}, 128),
        convolution({1, 7, 18, 64}, 64),
        convolution({2, 6, 9, 64}, 64, {1, 1}, {0, 0, 0, 0}),
        convolution({1, 9, 8, 64}, 64, {3, 3}, {0, 0, 0, 0}),
        convolution({1, 8, 10, 64}, 64, {5, 3}, {2, 0, 1, 2}),
    };
}

std::vector<HopperRun> runs(int64_t channels) {
    if (channels % 128 != 0)
        return {{0, 2}, {3, 2, true}, {3, 1, false, 1}, {3, 2, true, 1}, {3, 1, false, 2}, {3, 2, true, 2}};
    return {{1, 1},           {2, 3},           {3, 2},           {2, 2, true},
            {0, 2, true},     {1, 2, false, 1}, {2, 2, false, 1}, {2, 1, true, 1},
            {1, 2, false, 2}, {2, 4, false, 2}, {2, 2, true, 2}};
}

/// The sweeps over shapes take the runs in turn.
HopperRun one_of(const std::vector<HopperRun>& list, size_t number) {
    return list[number % list.size()];
}

float bf16(double value) {
    const auto single = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &single, sizeof(bits));
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
}

/// Whole numbers of at most 2: their sums stay exact in fp32.
Array whole(const Shape& shape, uint64_t seed) {
    Random random(seed);
    Array array(shape);
    integers(-2, 2)(random, array);
    return array;
}

/// Numbers in [-1, 1) that bf16 holds.
Array fractions(const Shape& shape, uint64_t seed) {
    Random random(seed);
    Array array(shape);
    uniform(-1, 1)(random, array);
    for (double& value : array.values) value = bf16(value);
    return array;
}

std::vector<float> floats(const Array& array) {
    return {array.values.begin(), array.values.end()};
}

/// Every bit of `got` against the reference, rounded to bf16 as the kernel does.
void check_exact(const std::vector<float>& got, const Array& want, const HopperRun& how,
                 const std::string& name) {
    REQUIRE(got.size() == want.values.size());
    for (size_t i = 0; i < got.size(); ++i) {
        if (got[i] == (how.tf32 ? static_cast<float>(want.values[i]) : bf16(want.values[i]))) continue;
        FAIL_CHECK(name << ": element " << i << " is " << got[i] << ", not " << want.values[i]);
        return;
    }
}

/// bf16 keeps 8 bits: half a unit in the last place of the result, and what fp32 sums lose.
void check_close(const std::vector<float>& got, const Array& want, const std::string& name) {
    REQUIRE(got.size() == want.values.size());
    double largest = 0;
    for (const double value : want.values) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(got[i] - want.values[i]);
        if (error <= std::abs(want.values[i]) * 0x1p-8 + largest * 1e-6) continue;
        FAIL_CHECK(name << ": element " << i << " is " << got[i] << ", not " << want.values[i]);
        return;
    }
}

struct Forward {
    Array x, w, bias, y, codes;
};

Forward forward_case(const Conv2dProblem& problem, Array (*fill)(const Shape&, uint64_t), bool with_bias) {
    Forward made = {fill(shape_of_x(problem), 1), fill(shape_of_w(problem), 2),
                    with_bias ? fill({problem.K}, 3) : Array(), Array(shape_of_y(problem)), Array()};
    if (problem.pool) made.codes = Array(shape_of_y(problem));
    reference::conv2d_forward(problem, made.x, made.w, made.bias, made.y,
                              problem.pool ? &made.codes : nullptr);
    return made;
}

HopperForward run(const Conv2dProblem& problem, const HopperRun& how, const Forward& at) {
    return run_hopper_forward(problem, how, floats(at.x), floats(at.w), floats(at.bias));
}

struct Gradient {
    Array dy, codes;
    std::vector<uint8_t> code_bytes;
};

Gradient gradient_case(const Conv2dProblem& problem, Array (*fill)(const Shape&, uint64_t)) {
    Gradient made = {fill(shape_of_y(problem), 4), Array(), {}};
    if (!problem.pool) return made;
    Random random(5);
    made.codes = Array(shape_of_y(problem));
    integers(0, problem.relu ? kPoolClipped : 3)(random, made.codes);
    made.code_bytes.assign(made.codes.values.begin(), made.codes.values.end());
    return made;
}

struct BackwardData {
    Gradient gradient;
    Array w, relu_source, dx;
};

BackwardData backward_data_case(const Conv2dProblem& problem, Array (*fill)(const Shape&, uint64_t),
                                bool masked) {
    BackwardData made = {gradient_case(problem, fill), fill(shape_of_w(problem), 2),
                         masked ? fill(shape_of_x(problem), 6) : Array(), Array(shape_of_x(problem))};
    for (int64_t i = 0; i < made.dx.count(); ++i) {
        const Place at = place_in(shape_of_x(problem), i);
        made.dx[i] = reference::conv2d_backward_data(problem, made.gradient.dy, made.gradient.codes, made.w,
                                                     made.relu_source, at.a, at.b, at.c, at.d);
    }
    return made;
}

std::vector<float> run(const Conv2dProblem& problem, const HopperRun& how, const BackwardData& at) {
    return run_hopper_backward_data(problem, how, floats(at.gradient.dy), at.gradient.code_bytes,
                                    floats(at.w), floats(at.relu_source));
}

struct BackwardWeights {
    Gradient gradient;
    Array x, dw;
};

Array weight_gradient(const Conv2dProblem& problem, const BackwardWeights& of) {
    Array dw(shape_of_w(problem));
    for (int64_t i = 0; i < dw.count(); ++i) {
        const Place at = place_in(shape_of_w(problem), i);
        dw[i] = reference::conv2d_backward_weights(problem, of.x, of.gradient.dy, of.gradient.codes, at.a,
                                                   at.b, at.c, at.d);
    }
    return dw;
}

BackwardWeights backward_weights_case(const Conv2dProblem& problem, Array (*fill)(const Shape&, uint64_t)) {
    BackwardWeights made = {gradient_case(problem, fill), fill(shape_of_x(problem), 1), Array()};
    made.dw = weight_gradient(problem, made);
    return made;
}

std::vector<float> run(const Conv2dProblem& problem, const HopperRun& how, const BackwardWeights& at) {
    return run_hopper_backward_weights(problem, how, floats(at.x), floats(at.gradient.dy),
                                       at.gradient.code_bytes);
}

std::string label(const Conv2dProblem& problem, const HopperRun& how) {
    return text_of(problem) + " tiling " + std::to_string(how.tiling) + " blocks " +
           std::to_string(how.blocks) + (how.tf32 ? " tf32" : "") + " reuse " + std::to_string(how.reuse);
}

/// y, codes, dx and dw of the CUDA backend on whole numbers, as bytes. `unpooled`: the memory that
/// the two gradient passes share.
std::vector<std::vector<std::byte>> backend_results(const Conv2dProblem& g, Precision precision,
                                                    const std::string& conv,
                                                    std::shared_ptr<Tensor> unpooled = nullptr) {
    const auto backend = cuda_host_backend_entry().make({.conv = conv, .precision = precision});
    const DType type = backend->activation_type();
    const auto upload = [&](const Array& array, DType as) {
        const Tensor tensor = backend->allocate(array.shape, as);
        backend->upload(bytes_of(array, as).data(), tensor);
        return tensor;
    };
    const Tensor x = upload(whole(shape_of_x(g), 1), type), w = upload(whole(shape_of_w(g), 2), type),
                 bias = upload(whole({g.K}, 3), DType::f32), dy = upload(whole(shape_of_y(g), 4), type),
                 y = backend->allocate(shape_of_y(g), type), dx = backend->allocate(shape_of_x(g), type),
                 dw = backend->allocate(shape_of_w(g)),
                 codes = g.pool ? backend->allocate(shape_of_y(g), DType::u8) : Tensor();
    backend->conv2d_forward(g, x, w, bias, y, codes);
    const Conv2dGradient gradient{dy, codes, std::move(unpooled)};
    backend->conv2d_backward_data(g, gradient, w, x, dx);
    backend->conv2d_backward_weights(g, x, gradient, dw);
    std::vector<std::vector<std::byte>> results;
    for (const Tensor& tensor : {y, dx, dw, codes}) {
        if (tensor) results.push_back(download_bytes(*backend, tensor));
    }
    return results;
}

}  // namespace

TEST_CASE("hopper convolutions through the backend, when asked for, give the bits of the others") {
    Conv2dProblem problem = convolution({2, 8, 8, 64}, 128);
    for (const bool pool : {false, true}) {
        problem.relu = problem.pool = pool;
        for (const Precision precision : {Precision::bf16, Precision::tf32}) {
            const auto usual = backend_results(problem, precision, kAutomatic);
            CHECK(backend_results(problem, precision, "hopper") == usual);
            const auto spread = std::make_shared<Tensor>();
            CHECK(backend_results(problem, precision, "hopper", spread) == usual);
            CHECK(static_cast<bool>(*spread) == pool);
            CHECK(backend_results(problem, precision, "hopper_shared_taps") == usual);
            CHECK(backend_results(problem, precision, "hopper_clusters") == usual);
        }
    }
}

TEST_CASE("hopper forward: whole numbers come out exactly, with every tiling and epilogue") {
    size_t number = 0;
    for (const Conv2dProblem& shape : shapes()) {
        size_t epilogue = number++;
        for (const Conv2dProblem& problem : with_epilogues({shape})) {
            const Forward at = forward_case(problem, whole, problem.relu);
            const HopperRun how = one_of(runs(problem.K), epilogue += 3);
            const HopperForward got = run(problem, how, at);
            check_exact(got.y, at.y, how, label(problem, how));
            if (!problem.pool) continue;
            const std::vector<double> codes(got.codes.begin(), got.codes.end());
            CHECK_MESSAGE(codes == at.codes.values, label(problem, how) << ": codes");
        }
    }
}

TEST_CASE("hopper forward: each version and tiling, in any order of threads") {
    for (Conv2dProblem problem : {convolution({3, 4, 8, 64}, 128), convolution({1, 33, 17, 64}, 64)}) {
        problem.relu = problem.pool = true;
        const Forward at = forward_case(problem, whole, true);
        for (const HopperRun& how : runs(problem.K)) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1, .threads = 2});
            const HopperForward got = run(problem, how, at);
            check_exact(got.y, at.y, how, label(problem, how));
            const std::vector<double> codes(got.codes.begin(), got.codes.end());
            CHECK_MESSAGE(codes == at.codes.values, label(problem, how) << ": codes");
        }
    }
}

TEST_CASE("hopper forward in tf32: operands are rounded, results are not") {
    const Conv2dProblem problem = convolution({1, 4, 4, 64}, 64);
    Forward at = forward_case(problem, whole, false);
    for (double& value : at.x.values) value = value == 0 ? 0 : 1 + 0x1p-11;  // half a unit of tf32
    for (double& value : at.w.values) value = 1;
    const std::vector<float> got = run(problem, {0, 1, true}, at).y;
    for (double& value : at.x.values) value = value == 0 ? 0 : 1 + 0x1p-10;
    reference::conv2d_forward(problem, at.x, at.w, at.bias, at.y, nullptr);
    check_exact(got, at.y, {0, 1, true}, "tf32");
}

TEST_CASE("hopper forward: fractions differ by bf16's rounding alone") {
    for (Conv2dProblem problem : {convolution({2, 8, 8, 128}, 128), convolution({1, 8, 16, 64}, 64)}) {
        const Forward at = forward_case(problem, fractions, true);
        check_close(run(problem, {}, at).y, at.y, label(problem, {}));
        problem.relu = true;
        const Forward clipped = forward_case(problem, fractions, true);
        check_close(run(problem, {}, clipped).y, clipped.y, label(problem, {}));
    }
}

TEST_CASE("hopper data gradient: whole numbers come out exactly, with mask and with pooling") {
    size_t number = 0;
    for (Conv2dProblem problem : shapes()) {
        for (const bool pool : {false, true}) {
            problem.pool = problem.relu = pool;
            const BackwardData at = backward_data_case(problem, whole, !pool);
            const HopperRun how = one_of(runs(problem.C), number++);
            check_exact(run(problem, how, at), at.dx, how, label(problem, how) + (pool ? "" : " masked"));
        }
    }
}

TEST_CASE("hopper data gradient: each version and tiling, in any order of threads") {
    for (const Conv2dProblem& problem : {convolution({3, 4, 8, 128}, 64), convolution({1, 33, 17, 64}, 64)}) {
        const BackwardData at = backward_data_case(problem, whole, true);
        for (const HopperRun& how : runs(problem.C)) {
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1, .threads = 2});
            check_exact(run(problem, how, at), at.dx, how, label(problem, how));
        }
    }
}

TEST_CASE("hopper data gradient: fractions differ by bf16's rounding alone") {
    const Conv2dProblem problem = convolution({2, 8, 8, 64}, 128);
    const BackwardData at = backward_data_case(problem, fractions, true);
    check_close(run(problem, {}, at), at.dx, label(problem, {}));
}

TEST_CASE("hopper weight gradient: whole numbers come out exactly, however the pixels are cut") {
    std::vector<Conv2dProblem> problems = shapes();
    problems.push_back(convolution({2, 8, 12, 128}, 128));
    problems.push_back(convolution({3, 8, 8, 128}, 256));
    problems.push_back(convolution({2, 1, 1, 64}, 64));
    problems.push_back(convolution({1, 3, 5, 64}, 64, {5, 5}, {2, 2, 2, 2}));
    size_t number = 0;
    for (Conv2dProblem problem : problems) {
        for (const bool pool : {false, true}) {
            if (pool && (problem.P() < 2 || problem.Q() < 2)) continue;
            problem.pool = pool;
            const BackwardWeights at = backward_weights_case(problem, whole);
            for (const bool tf32 : {false, true}) {
                const int blocks = std::array{1, 5, 2}[number++ % 3];
                check_exact(run(problem, {0, blocks, tf32}, at), at.dw, {0, blocks, true},
                            label(problem, {0, blocks, tf32}));
            }
        }
    }
}

TEST_CASE("hopper weight gradient in tf32: operands are rounded, ties away from zero, the gradient once") {
    const Conv2dProblem problem = convolution({1, 4, 4, 64}, 64);
    BackwardWeights at = backward_weights_case(problem, whole);
    const auto fill = [](Array& array, double value) {
        for (double& one : array.values) one = one == 0 ? 0 : one < 0 ? -value : value;
    };
    for (const bool image : {false, true}) {
        fill(at.x, image ? 1 + 0x1p-11 : 1);  // half a unit of tf32
        fill(at.gradient.dy, image ? 1 : 1 + 0x1p-11);
        const std::vector<float> got = run(problem, {0, 1, true}, at);
        fill(image ? at.x : at.gradient.dy, 1 + 0x1p-10);
        check_exact(got, weight_gradient(problem, at), {0, 1, true}, "tf32");
    }
}

TEST_CASE("hopper weight gradient in tf32: any floats differ by the rounding of both factors") {
    Conv2dProblem problem = convolution({2, 9, 6, 64}, 64);
    problem.pool = true;
    BackwardWeights at = backward_weights_case(problem, whole), magnitude = at;
    Random random(7);
    for (const auto& [values, sizes] :
         {std::pair(&at.x, &magnitude.x), std::pair(&at.gradient.dy, &magnitude.gradient.dy)}) {
        uniform(-1, 1)(random, *values);
        for (double& value : values->values) value = static_cast<float>(value);
        *sizes = *values;
        for (double& value : sizes->values) value = std::abs(value);
    }
    const Array want = weight_gradient(problem, at), most = weight_gradient(problem, magnitude);
    for (const int blocks : {1, 3, 7}) {
        const HopperRun how = {0, blocks, true};
        const std::vector<float> got = run(problem, how, at);
        for (size_t i = 0; i < got.size(); ++i) {
            // Half a unit of ten bits in each factor, and what fp32 sums lose.
            if (std::abs(got[i] - want.values[i]) <= most.values[i] * (0x1p-10 + 1e-5)) continue;
            FAIL_CHECK(label(problem, how)
                       << ": element " << i << " is " << got[i] << ", not " << want.values[i]);
            break;
        }
        CHECK(run(problem, how, at) == got);
    }
}

TEST_CASE("hopper weight gradient: any order of threads and late copies give the same bits") {
    for (const Conv2dProblem& problem : {convolution({3, 8, 8, 64}, 128), convolution({1, 16, 16, 64}, 64),
                                         convolution({1, 9, 8, 128}, 64)}) {
        const BackwardWeights at = backward_weights_case(problem, fractions);
        double largest = 0;
        for (const double value : at.dw.values) largest = std::max(largest, std::abs(value));
        for (const bool tf32 :
             {false, true}) {  // fractions are bf16's, so that both lose nothing but in sums
            const HopperRun how = {0, 4, tf32};
            const std::vector<float> got = run(problem, how, at);
            for (size_t i = 0; i < got.size(); ++i) {
                if (std::abs(got[i] - at.dw.values[i]) <= largest * 1e-6) continue;
                FAIL_CHECK(label(problem, how)
                           << ": element " << i << " is " << got[i] << ", not " << at.dw.values[i]);
                break;
            }
            const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1, .threads = 2});
            CHECK(run(problem, how, at) == got);
        }
    }
}

TEST_CASE("hopper convolutions refuse what they cannot do") {
    CHECK(hopper_takes(convolution({1, 8, 8, 64}, 64)));
    CHECK_FALSE(hopper_takes(convolution({1, 8, 8, 3}, 64)));
    CHECK_FALSE(hopper_takes(convolution({1, 8, 8, 64}, 65)));
    CHECK_FALSE(hopper_takes(convolution({1, 8, 8, 64}, 64, {3, 3}, {1, 1, 1, 1}, {2, 2})));
}

}  // namespace objloc
