// The kernels for a network's first layer: when they are chosen, that they run then, and what the op tests'
// shapes are too small for: blocks that go from strip to strip. What they compute the op tests check.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "objloc/kernels/cases/conv2d_shapes.h"
#include "objloc/kernels/cases/inputs.h"
#include "objloc/kernels/cuda/conv2d/conv2d_choice.h"
#include "objloc/kernels/cuda/runtime/cuda_backend.h"
#include "objloc/kernels/emulator/emulator.h"
#include "objloc/kernels/reference/conv2d_backward_weights.h"
#include "objloc/kernels/reference/conv2d_forward.h"
#include "tests/emulator/first_layer_convolutions.h"

namespace objloc {
namespace {

constexpr Precision kPrecisions[] = {Precision::tf32, Precision::bf16};

std::string chosen(ConvPass pass, const Conv2dProblem& problem, Precision arithmetic) {
    static const Conv2dVersions versions = cuda_host_backend_entry().conv2d_versions;
    return choose_conv2d(versions, pass, problem, arithmetic, kAutomatic, {80, false}).name;
}

/// Whole numbers of at most 1: sums stay so small that bf16 holds them, too.
Array whole(const Shape& shape, uint64_t seed) {
    Random random(seed);
    Array array(shape);
    integers(-1, 1)(random, array);
    return array;
}

std::vector<float> floats(const Array& array) {
    return {array.values.begin(), array.values.end()};
}

/// Strips side by side, below each other and in several images, with rests; rows that are whole pieces of 16
/// bytes and others.
std::vector<Conv2dProblem> strips() {
    return {
        convolution({2, 9, 144, 3}, 8),
        convolution({3, 37, 9, 3}, 8),
        convolution({7, 5, 40, 2}, 16, {3, 3}, {0, 0, 1, 1}),
        convolution({5, 17, 18, 1}, 8, {3, 5}, {1, 2, 1, 2}),
    };
}

std::string label(const Conv2dProblem& problem, Precision precision, int blocks) {
    return std::string(name_of(precision)) + " " + text_of(problem) + ", blocks " + std::to_string(blocks);
}

}  // namespace

TEST_CASE("the first layer's kernels are chosen for all that they are tested with, and for nothing else") {
    for (const Conv2dProblem& problem : first_layer_convolutions()) {
        CAPTURE(text_of(problem));
        for (const Precision precision : kPrecisions) {
            CHECK(chosen(ConvPass::forward, problem, precision) == "first_layer");
            CHECK(chosen(ConvPass::backward_weights, problem, precision) == "first_layer");
            CHECK(chosen(ConvPass::backward_data, problem, precision) == "tiled");
        }
        CHECK(chosen(ConvPass::forward, problem, Precision::fp32) == "tiled");
    }
    Conv2dProblem pooled = convolution({1, 8, 8, 3}, 8);
    pooled.pool = true;
    for (const Conv2dProblem& other : {pooled, convolution({1, 8, 8, 3}, 12), convolution({1, 8, 8, 4}, 8),
                                       convolution({1, 8, 8, 5}, 8, {1, 1}, {0, 0, 0, 0}),
                                       convolution({1, 8, 8, 3}, 8, {3, 3}, {1, 1, 1, 1}, {1, 2}),
                                       convolution({1, 8, 8, 1}, 8, {6, 1}, {2, 0, 3, 0})}) {
        CAPTURE(text_of(other));
        CHECK(chosen(ConvPass::forward, other, Precision::bf16) == "tiled");
        CHECK(chosen(ConvPass::backward_weights, other, Precision::tf32) == "tiled");
    }
}

TEST_CASE("a first layer in tf32 runs on tensor cores: its operands are rounded") {
    const Conv2dProblem g = convolution({1, 4, 4, 3}, 8, {1, 1}, {0, 0, 0, 0});
    const auto backend = cuda_host_backend_entry().make({.precision = Precision::tf32});
    const auto upload = [&](const Shape& shape, float value) {
        const Tensor tensor = backend->allocate(shape);
        backend->upload(std::vector<float>(static_cast<size_t>(shape.count()), value).data(), tensor);
        return tensor;
    };
    const auto first_of = [&](const Tensor& tensor) {
        std::vector<float> values(static_cast<size_t>(tensor.count()));
        backend->download(tensor, values.data());
        return values[0];
    };
    const Tensor x = upload(shape_of_x(g), 1 + 0x1p-11f);  // half a unit of tf32
    const Tensor w = upload(shape_of_w(g), 1), dy = upload(shape_of_y(g), 1);
    const Tensor y = backend->allocate(shape_of_y(g)), dw = backend->allocate(shape_of_w(g));
    backend->conv2d_forward(g, x, w, Tensor(), y, Tensor());
    backend->conv2d_backward_weights(g, x, {dy, Tensor()}, dw);
    CHECK(first_of(y) == 3 * (1 + 0x1p-10f));
    CHECK(first_of(dw) == 16 * (1 + 0x1p-10f));
}

TEST_CASE("first layer, forward: whole numbers come out exactly, however few the blocks") {
    for (const Conv2dProblem& problem : strips()) {
        const Array x = whole(shape_of_x(problem), 1), w = whole(shape_of_w(problem), 2),
                    bias = whole({problem.K}, 3);
        Array y(shape_of_y(problem));
        reference::conv2d_forward(problem, x, w, bias, y, nullptr);
        for (const Precision precision : kPrecisions) {
            for (const int blocks : {1, 3}) {
                const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1, .threads = 2});
                const bool same = run_first_layer_forward(problem, precision, blocks, floats(x), floats(w),
                                                          floats(bias)) == floats(y);
                CHECK_MESSAGE(same, label(problem, precision, blocks));
            }
        }
    }
}

TEST_CASE("first layer, weight gradient: whole numbers come out exactly, however few the blocks") {
    for (const Conv2dProblem& problem : strips()) {
        const Array x = whole(shape_of_x(problem), 1), dy = whole(shape_of_y(problem), 2);
        Array dw(shape_of_w(problem));
        for (int64_t i = 0; i < dw.count(); ++i) {
            const Place at = place_in(shape_of_w(problem), i);
            dw[i] = reference::conv2d_backward_weights(problem, x, dy, {}, at.a, at.b, at.c, at.d);
        }
        for (const Precision precision : kPrecisions) {
            for (const int blocks : {1, 3}) {
                const HostRuntimeScope scope({.checks = true, .adversarial_seed = 1, .threads = 2});
                const bool same = run_first_layer_backward_weights(problem, precision, blocks, floats(x),
                                                                   floats(dy)) == floats(dw);
                CHECK_MESSAGE(same, label(problem, precision, blocks));
            }
        }
    }
}

TEST_CASE("first layer: a NaN in an image stays where the filter reaches it") {
    const Conv2dProblem g = convolution({1, 3, 9, 3}, 8);
    Conv2dProblem valid = g;  // windows of the first 7 columns alone: nobody reads the last one at tap 0
    valid.pad_left = valid.pad_right = 0;
    for (const Precision precision : kPrecisions) {
        std::vector<float> x(static_cast<size_t>(shape_of_x(g).count()), 1.0f);
        for (size_t c = 0; c < 3; ++c) x[(1 * 9 + 8) * 3 + c] = NAN;
        const std::vector<float> w(static_cast<size_t>(shape_of_w(g).count()), 1.0f), bias(8, 0.0f);
        const std::vector<float> y = run_first_layer_forward(g, precision, 1, x, w, bias);
        for (size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 8 % 9 >= 7));
        const std::vector<float> dy(static_cast<size_t>(shape_of_y(valid).count()), 1.0f);
        const std::vector<float> dw = run_first_layer_backward_weights(valid, precision, 1, x, dy);
        for (size_t i = 0; i < dw.size(); ++i) CHECK(std::isnan(dw[i]) == (i / 24 % 3 == 2));
    }
}

}  // namespace objloc
