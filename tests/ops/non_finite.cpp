// What is defined of inputs that are NaN or infinite: a mistake upstream must reach the loss or the
// gradients' norm, where training sees it. ReLU and max-pooling are left undefined (a maximum may drop a
// NaN).
#include <doctest/doctest.h>

#include <cmath>

#include "objloc/kernels/cases/inputs.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

Tensor tensor_of(Backend& backend, const Shape& shape, const std::vector<float>& values) {
    const Tensor tensor = backend.allocate(shape);
    backend.upload(values.data(), tensor);
    return tensor;
}

std::vector<float> values_of(Backend& backend, const Tensor& tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    backend.download(tensor, values.data());
    return values;
}

template <typename Test>
void on_every_backend(Test test) {
    REQUIRE_FALSE(op_backends().empty());
    for (const OpBackend& on : op_backends()) {
        INFO(on.label);
        test(*on.backend);
    }
}

}  // namespace

TEST_CASE("sigmoid: infinity saturates, NaN stays") {
    on_every_backend([](Backend& backend) {
        const Tensor x = tensor_of(backend, {5}, {INFINITY, -INFINITY, NAN, 3e38f, -3e38f});
        backend.sigmoid_forward(x, x);
        const std::vector<float> y = values_of(backend, x);
        CHECK(y[0] == 1);
        CHECK(y[1] == 0);
        CHECK(std::isnan(y[2]));
        CHECK(y[3] == 1);
        CHECK(y[4] == 0);
    });
}

TEST_CASE("add, mul, sum and sum_squares carry NaN and infinity on") {
    on_every_backend([](Backend& backend) {
        const Tensor a = tensor_of(backend, {4}, {NAN, INFINITY, INFINITY, 1});
        const Tensor b = tensor_of(backend, {4}, {1, -INFINITY, 2, 1});
        const Tensor y = backend.allocate({4}), scalar = backend.allocate({1});
        backend.add(a, b, y);
        const std::vector<float> sums = values_of(backend, y);
        CHECK(std::isnan(sums[0]));
        CHECK(std::isnan(sums[1]));
        CHECK(sums[2] == INFINITY);
        CHECK(sums[3] == 2);
        backend.mul(a, b, y);
        const std::vector<float> products = values_of(backend, y);
        CHECK(std::isnan(products[0]));
        CHECK(products[1] == -INFINITY);
        backend.sum(a, scalar, 0.25);
        CHECK(std::isnan(values_of(backend, scalar)[0]));
        backend.sum_squares(a, scalar);
        CHECK(std::isnan(values_of(backend, scalar)[0]));
        backend.sum_squares(b, scalar);
        CHECK(values_of(backend, scalar)[0] == INFINITY);
        backend.sum_squares(tensor_of(backend, {2}, {3e38f, 0}), scalar);  // overflows
        CHECK(values_of(backend, scalar)[0] == INFINITY);
    });
}

TEST_CASE("bce and sigmoid_bce: a NaN reaches the loss and its own gradient") {
    on_every_backend([](Backend& backend) {
        const Tensor guess = tensor_of(backend, {3}, {0.5f, NAN, 0.25f}),
                     t = tensor_of(backend, {3}, {0, 1, 1});
        const Tensor loss = backend.allocate({1}), slope = backend.allocate({3});
        const Tensor one = tensor_of(backend, {1}, {1});
        backend.bce_forward(guess, t, loss);
        CHECK(std::isnan(values_of(backend, loss)[0]));
        backend.sigmoid_bce_forward(guess, t, loss);
        CHECK(std::isnan(values_of(backend, loss)[0]));
        backend.sigmoid_bce_backward(guess, t, one, slope);
        const std::vector<float> slopes = values_of(backend, slope);
        CHECK(std::isfinite(slopes[0]));
        CHECK(std::isnan(slopes[1]));
        CHECK(std::isfinite(slopes[2]));
    });
}

TEST_CASE("maximum and max: a NaN counts as the largest") {
    on_every_backend([](Backend& backend) {
        const Tensor a = tensor_of(backend, {3}, {NAN, 1, 2}), b = tensor_of(backend, {3}, {1, NAN, 1});
        const Tensor y = backend.allocate({3}), largest = backend.allocate({1});
        const Tensor position = backend.allocate({1}, DType::i32);
        backend.maximum(a, b, y);
        const std::vector<float> larger = values_of(backend, y);
        CHECK(std::isnan(larger[0]));
        CHECK(std::isnan(larger[1]));
        CHECK(larger[2] == 2);
        backend.max_forward(b, largest, position);
        CHECK(std::isnan(values_of(backend, largest)[0]));
        int32_t at = 0;
        backend.download(position, &at);
        CHECK(at == 1);
    });
}

TEST_CASE("softmax_cross_entropy: a label that there is not gives NaN, in its own row") {
    on_every_backend([](Backend& backend) {
        const Tensor z = tensor_of(backend, {3, 2}, {1, 2, 3, 4, 5, 6}),
                     labels = backend.allocate({3}, DType::i32);
        const int32_t numbers[] = {-1, 1, 2};
        backend.upload(numbers, labels);
        const Tensor loss = backend.allocate({3}), one = tensor_of(backend, {3}, {1, 1, 1});
        const Tensor dz = backend.allocate({3, 2});
        backend.softmax_cross_entropy_forward(z, labels, loss);
        backend.softmax_cross_entropy_backward(z, labels, one, dz);
        const std::vector<float> losses = values_of(backend, loss), slopes = values_of(backend, dz);
        for (size_t row = 0; row < 3; ++row) {
            CHECK(std::isnan(losses[row]) == (row != 1));
            CHECK(std::isnan(slopes[2 * row]) == (row != 1));
            CHECK(std::isnan(slopes[2 * row + 1]) == (row != 1));
        }
    });
}

TEST_CASE("conv2d and dense: a NaN reaches every output that reads it") {
    on_every_backend([](Backend& backend) {
        Conv2dProblem g;
        g.N = g.C = g.K = g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = 1;
        g.H = g.W = 6;
        std::vector<float> pixels(36, 1.0f);
        pixels[2 * 6 + 3] = NAN;
        const Tensor y = backend.allocate({1, 6, 6, 1});
        backend.conv2d_forward(g, tensor_of(backend, {1, 6, 6, 1}, pixels),
                               tensor_of(backend, {3, 3, 1, 1}, std::vector<float>(9, 1.0f)), Tensor(), y,
                               Tensor());
        const std::vector<float> sums = values_of(backend, y);
        for (size_t row = 1; row <= 3; ++row) {
            for (size_t column = 2; column <= 4; ++column) CHECK(std::isnan(sums[row * 6 + column]));
        }
        const Tensor z = backend.allocate({2, 1});
        backend.dense_forward({.N = 2, .inputs = 2, .outputs = 1}, tensor_of(backend, {2, 2}, {1, NAN, 1, 2}),
                              tensor_of(backend, {2, 1}, {1, 1}), Tensor(), z);
        CHECK(std::isnan(values_of(backend, z)[0]));
        CHECK(values_of(backend, z)[1] == 3);
    });
}

}  // namespace objloc
