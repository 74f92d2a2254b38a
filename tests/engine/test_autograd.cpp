// The tape: whole compositions against central differences, gradients that meet, and work that freezing
// stops.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "objloc/engine/error.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/engine/parameters.h"
#include "objloc/engine/philox.h"
#include "tests/test_backends.h"

using namespace objloc;

namespace {

std::vector<float> random_values(int64_t count, uint32_t stream, float low = -1, float high = 1) {
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) {
        values[i] = low + (high - low) * uniform01(philox_at(3, stream, i, 0).word[0]);
    }
    return values;
}

Tensor on_device(Backend& backend, const Shape& shape, const std::vector<float>& values) {
    const Tensor tensor = backend.allocate(shape);
    backend.upload(values.data(), tensor);
    return tensor;
}

std::vector<float> on_host(Backend& backend, const Tensor& tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    backend.download(tensor, values.data());
    return values;
}

/// A scalar function of some inputs, built on a tape.
struct Function {
    std::vector<Shape> shapes;
    std::function<Variable(Tape&, const std::vector<Variable>&)> build;
};

double value_of(Backend& backend, const Function& function, const std::vector<std::vector<float>>& inputs) {
    Tape tape(backend, /*recording=*/false);
    std::vector<Variable> variables;
    for (size_t i = 0; i < inputs.size(); ++i) {
        variables.push_back(tape.constant(on_device(backend, function.shapes[i], inputs[i])));
    }
    return on_host(backend, function.build(tape, variables).value())[0];
}

/// Compares every gradient with central differences of the backend's own forward.
void check_gradients(const Function& function, float low = -1, float high = 1) {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        std::vector<std::vector<float>> inputs;
        for (size_t i = 0; i < function.shapes.size(); ++i) {
            inputs.push_back(random_values(function.shapes[i].count(), static_cast<uint32_t>(i), low, high));
        }
        Tape tape(*backend);
        std::vector<Variable> variables;
        for (size_t i = 0; i < inputs.size(); ++i) {
            variables.push_back(tape.leaf(on_device(*backend, function.shapes[i], inputs[i])));
        }
        tape.backward(function.build(tape, variables));
        constexpr float kStep = 1e-2f;  // float forward: a smaller step drowns in its rounding
        for (size_t i = 0; i < inputs.size(); ++i) {
            const std::vector<float> gradient = on_host(*backend, variables[i].gradient());
            for (size_t at = 0; at < gradient.size(); at += 1 + gradient.size() / 7) {
                CAPTURE(i);
                CAPTURE(at);
                auto moved = inputs;
                moved[i][at] = inputs[i][at] + kStep;
                const double above = value_of(*backend, function, moved);
                moved[i][at] = inputs[i][at] - kStep;
                const double below = value_of(*backend, function, moved);
                const double numeric = (above - below) / (2 * double{kStep});
                // 1e-3: a float forward of size 1 has 1e-7 of noise, over a step of 1e-2, plus curvature.
                CHECK(std::abs(gradient[at] - numeric) <= 1e-3 + 1e-2 * std::abs(numeric));
            }
        }
    }
}

}  // namespace

TEST_SUITE_BEGIN("autograd");

TEST_CASE("a network of smooth ops has the gradient of its central differences") {
    check_gradients({{{2, 5, 4, 3}, {3, 3, 3, 4}, {4}, {60, 3}, {3}, {2, 3}},
                     [](Tape& tape, const std::vector<Variable>& in) {
                         ops::Conv2dOptions options;
                         options.padding = {1, 1, 1, 0};
                         const Variable y =
                             ops::sigmoid(tape, ops::conv2d(tape, in[0], in[1], in[2], options));
                         const Variable flat = ops::flatten(tape, y);
                         REQUIRE(flat.shape() == Shape{2, 60});
                         const Variable z = ops::dense(tape, flat, in[3], in[4]);
                         return ops::mean(tape, ops::mul(tape, z, in[5]));
                     }});
}

TEST_CASE("both forms of cross-entropy have the gradient of their central differences") {
    const auto targets = [](Tape& tape, const Variable& like) {
        return tape.constant(
            on_device(tape.backend(), like.shape(), random_values(like.shape().count(), 9, 0, 1)));
    };
    check_gradients({{{3, 4}}, [&](Tape& tape, const std::vector<Variable>& in) {
                         return ops::sigmoid_bce(tape, in[0], targets(tape, in[0]));
                     }});
    check_gradients({{{3, 4}},
                     [&](Tape& tape, const std::vector<Variable>& in) {
                         return ops::bce(tape, in[0], targets(tape, in[0]));
                     }},
                    0.2f, 0.8f);
}

TEST_CASE("gradients that reach one value over several paths add up") {
    check_gradients({{{2, 3}, {2, 3}}, [](Tape& tape, const std::vector<Variable>& in) {
                         const Variable sum = ops::add(tape, in[0], in[1]);
                         const Variable square = ops::mul(tape, sum, sum);
                         return ops::mean(tape, ops::add(tape, ops::mul(tape, square, in[0]), sum));
                     }});
}

TEST_CASE("a fused ReLU masks its gradient once, whoever consumes it") {
    // relu(conv) is read by a convolution, which masks while it writes, and by an add, which does not.
    const Shape x_shape{1, 6, 6, 2}, w_shape{3, 3, 2, 2};
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const std::vector<float> x = random_values(x_shape.count(), 1), w = random_values(w_shape.count(), 2),
                                 v = random_values(w_shape.count(), 3);
        const auto gradients = [&](bool fused, bool also_add) {
            Tape tape(*backend);
            const Variable kernel = tape.leaf(on_device(*backend, w_shape, w));
            const Variable second = tape.constant(on_device(*backend, w_shape, v));
            ops::Conv2dOptions options;
            options.padding = {1, 1, 1, 1};
            ops::Conv2dOptions with_relu = options;
            with_relu.relu = fused;
            Variable y =
                ops::conv2d(tape, tape.constant(on_device(*backend, x_shape, x)), kernel, {}, with_relu);
            if (!fused) y = ops::relu(tape, y);
            Variable z = ops::conv2d(tape, y, second, {}, options);
            if (also_add) z = ops::add(tape, y, z);
            tape.backward(ops::mean(tape, z));
            return on_host(*backend, kernel.gradient());
        };
        for (const bool also_add : {false, true}) {
            const std::vector<float> fused = gradients(true, also_add), apart = gradients(false, also_add);
            for (size_t i = 0; i < fused.size(); ++i)
                CHECK(fused[i] == doctest::Approx(apart[i]).epsilon(1e-4));
        }
    }
}

TEST_CASE("a pooled convolution has the gradients of its parts") {
    const Shape x_shape{2, 7, 6, 3}, w_shape{3, 3, 3, 4};
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const auto gradients = [&](bool fused) {
            Tape tape(*backend);
            const Variable x = tape.leaf(on_device(*backend, x_shape, random_values(x_shape.count(), 1)));
            const Variable w = tape.leaf(on_device(*backend, w_shape, random_values(w_shape.count(), 2)));
            const Variable b = tape.leaf(on_device(*backend, {4}, random_values(4, 3)));
            ops::Conv2dOptions options;
            options.padding = {1, 1, 1, 1};
            options.relu = true;
            options.pool = fused;
            Variable y = ops::conv2d(tape, x, w, b, options);
            if (!fused) y = ops::max_pool2d(tape, y);
            tape.backward(ops::mean(tape, ops::mul(tape, y, y)));
            std::vector<float> all;
            for (const Variable& leaf : {x, w, b}) {
                const std::vector<float> part = on_host(*backend, leaf.gradient());
                all.insert(all.end(), part.begin(), part.end());
            }
            return all;
        };
        const std::vector<float> fused = gradients(true), apart = gradients(false);
        for (size_t i = 0; i < fused.size(); ++i) {
            CHECK(std::abs(fused[i] - apart[i]) <= 1e-5 + 1e-4 * std::abs(apart[i]));
        }
    }
}

TEST_CASE("nothing is recorded or computed below the first trainable value") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        Tape tape(*backend);
        const Variable x = tape.constant(on_device(*backend, {1, 4, 4, 2}, random_values(32, 1)));
        const Variable frozen = tape.constant(on_device(*backend, {3, 3, 2, 2}, random_values(36, 2)));
        const Variable features = ops::conv2d(tape, x, frozen, {});
        CHECK_FALSE(features.needs_gradient());
        const Variable trained = tape.leaf(on_device(*backend, {1, 1, 2, 3}, random_values(6, 3)));
        const Variable y = ops::conv2d(tape, features, trained, {});
        CHECK(y.needs_gradient());
        tape.backward(ops::mean(tape, y));
        CHECK(trained.gradient());
        CHECK_FALSE(features.gradient());
        CHECK_THROWS_AS(tape.backward(ops::mean(tape, features)), Error);
    }
}

TEST_CASE("an activation's memory returns when its last reader is done") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        backend->allocator().trim();  // a block that another test left could be larger than what is asked for
        const size_t before = backend->allocator().bytes_in_use();
        {
            Tape tape(*backend, /*recording=*/false);
            Variable x = tape.constant(on_device(*backend, {1, 64, 64, 16}, random_values(65536, 1)));
            const size_t one = backend->allocator().bytes_in_use() - before;
            backend->allocator().reset_high_water_mark();
            for (int layer = 0; layer < 6; ++layer) x = ops::relu(tape, x);
            CHECK(backend->allocator().high_water_mark() - before <= 2 * one);
        }
        CHECK(backend->allocator().bytes_in_use() == before);
    }
}

TEST_CASE("wrong shapes are refused with both shapes named") {
    for (const auto& backend : test_backends()) {
        Tape tape(*backend);
        const auto zeros = [&](const Shape& shape) {
            return tape.constant(
                on_device(*backend, shape, std::vector<float>(static_cast<size_t>(shape.count()))));
        };
        CHECK_THROWS_WITH_AS(ops::conv2d(tape, zeros({1, 4, 4, 3}), zeros({3, 3, 4, 8}), {}),
                             doctest::Contains("(1, 4, 4, 3) has 3 channels"), Error);
        CHECK_THROWS_AS(ops::conv2d(tape, zeros({1, 2, 2, 3}), zeros({3, 3, 3, 8}), {}), Error);
        CHECK_THROWS_AS(ops::conv2d(tape, zeros({1, 4, 4, 3}), zeros({3, 3, 3, 8}), zeros({7})), Error);
        CHECK_THROWS_AS(ops::dense(tape, zeros({2, 5}), zeros({4, 3}), {}), Error);
        CHECK_THROWS_AS(ops::max_pool2d(tape, zeros({1, 1, 4, 3})), Error);
        CHECK_THROWS_AS(ops::add(tape, zeros({2, 3}), zeros({3, 2})), Error);
        CHECK_THROWS_AS(ops::bce(tape, zeros({2, 3}), zeros({2, 4})), Error);
        CHECK_THROWS_AS(ops::sigmoid_bce(tape, zeros({2, 3}), zeros({2, 4})), Error);
        CHECK_THROWS_AS(ops::flatten(tape, zeros({})), Error);
    }
}

TEST_SUITE_END();
