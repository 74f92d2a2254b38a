// Optimizers against their update rules written out in double, schedules against their definitions, and the
// places where both meet parameters: segments, clipping, a gradient that is not finite.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "objloc/engine/error.h"
#include "objloc/engine/optimizer.h"
#include "objloc/engine/schedule.h"
#include "tests/test_backends.h"

using namespace objloc;

namespace {

constexpr size_t kCount = 5;

/// A kernel (2, 2) in the backbone, and a bias (1) of the head.
ParameterSet small_model(Backend& backend) {
    ParameterSet parameters;
    parameters.add("block1_conv1/kernel", {2, 2}, {1, -2, 3, -4});
    parameters.add("dense/bias", {1}, {0.5f});
    parameters.to_device(backend);
    return parameters;
}

bool in_backbone(const Parameter& parameter) {
    return parameter.layer() != "dense";
}

void set_gradients(Backend& backend, const ParameterSet& parameters, const std::vector<float>& gradients) {
    backend.upload(gradients.data(), parameters.all()[0].gradient);
    backend.upload(gradients.data() + 4, parameters.all()[1].gradient);
}

std::vector<float> values(const ParameterSet& parameters) {
    std::vector<float> all = parameters.download(parameters.all()[0]);
    all.push_back(parameters.download(parameters.all()[1])[0]);
    return all;
}

}  // namespace

TEST_SUITE_BEGIN("optimizer");

TEST_CASE("Adam follows Keras's rule, with decay and a rate for each part") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        ParameterSet parameters = small_model(*backend);
        OptimizerOptions options;
        options.weight_decay = 0.1f;
        options.backbone_rate = 0.5f;
        Optimizer optimizer(*backend, parameters, options, in_backbone);
        std::vector<double> value = {1, -2, 3, -4, 0.5}, m(kCount), v(kCount);
        for (int t = 1; t <= 4; ++t) {
            std::vector<float> gradient;
            for (size_t i = 0; i < kCount; ++i)
                gradient.push_back(0.1f * static_cast<float>(t) - 0.3f * static_cast<float>(i));
            set_gradients(*backend, parameters, gradient);
            optimizer.begin_step(0.01);
            optimizer.update();
            for (size_t i = 0; i < kCount; ++i) {
                const double rate = i < 4 ? 0.005 : 0.01, decay = i < 4 ? 0.1 : 0.0, g = gradient[i];
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                const double corrected = rate * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t));
                value[i] -= rate * decay * value[i] + corrected * m[i] / (std::sqrt(v[i]) + 1e-7);
            }
            const std::vector<float> got = values(parameters);
            // 1e-6: a handful of float roundings of values near 1.
            for (size_t i = 0; i < kCount; ++i)
                CHECK(std::abs(got[i] - value[i]) <= 1e-6 * (1 + std::abs(value[i])));
        }
        CHECK(optimizer.steps() == 4);
    }
}

TEST_CASE("SGD follows Keras's rule, plain and Nesterov") {
    for (const auto& backend : test_backends()) {
        for (const bool nesterov : {false, true}) {
            CAPTURE(backend->name());
            CAPTURE(nesterov);
            ParameterSet parameters = small_model(*backend);
            OptimizerOptions options;
            options.rule = SgdSettings{0.9f, nesterov};
            Optimizer optimizer(*backend, parameters, options, in_backbone);
            std::vector<double> value = {1, -2, 3, -4, 0.5}, velocity(kCount);
            for (int t = 1; t <= 3; ++t) {
                const std::vector<float> gradient = {0.5f, -1, 2, 0.25f, -0.125f};
                set_gradients(*backend, parameters, gradient);
                optimizer.begin_step(0.1);
                optimizer.update();
                for (size_t i = 0; i < kCount; ++i) {
                    velocity[i] = 0.9 * velocity[i] - 0.1 * gradient[i];
                    value[i] += nesterov ? 0.9 * velocity[i] - 0.1 * gradient[i] : velocity[i];
                }
            }
            const std::vector<float> got = values(parameters);
            for (size_t i = 0; i < kCount; ++i)
                CHECK(std::abs(got[i] - value[i]) <= 1e-6 * (1 + std::abs(value[i])));
        }
    }
}

TEST_CASE("clipping scales all gradients by one factor, and only when they are too large") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        ParameterSet parameters = small_model(*backend);
        OptimizerOptions options;
        options.rule = SgdSettings{0.0f, false};
        options.clip_norm = 1;
        Optimizer optimizer(*backend, parameters, options, in_backbone);
        set_gradients(*backend, parameters, {6, 0, 0, 0, 8});  // norm 10
        optimizer.begin_step(1);
        optimizer.update();
        CHECK(optimizer.gradient_norm() == doctest::Approx(10));
        CHECK(values(parameters)[0] == doctest::Approx(1 - 0.6));
        CHECK(values(parameters)[4] == doctest::Approx(0.5 - 0.8));
        set_gradients(*backend, parameters, {0.25f, 0, 0, 0, 0});
        optimizer.begin_step(1);
        optimizer.update();
        CHECK(values(parameters)[0] == doctest::Approx(1 - 0.6 - 0.25));
    }
}

TEST_CASE("a gradient that is not finite changes nothing, moments included") {
    for (const auto& backend : test_backends()) {
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            CAPTURE(backend->name());
            ParameterSet spoiled = small_model(*backend), clean = small_model(*backend);
            Optimizer first(*backend, spoiled, {}, in_backbone), second(*backend, clean, {}, in_backbone);
            set_gradients(*backend, spoiled, {1, bad, 1, 1, 1});
            first.begin_step(0.1);
            first.update();
            CHECK(values(spoiled) == std::vector<float>{1, -2, 3, -4, 0.5f});
            // SGD-like comparison of the moments: the next good step equals a second step after a zero
            // gradient.
            set_gradients(*backend, clean, {0, 0, 0, 0, 0});
            second.begin_step(0.1);
            second.update();
            for (auto* pair : {&spoiled, &clean}) set_gradients(*backend, *pair, {1, 2, 3, 4, 5});
            first.begin_step(0.1), second.begin_step(0.1);
            first.update(), second.update();
            CHECK(values(spoiled) == values(clean));
        }
    }
}

TEST_CASE("an optimizer without a trainable parameter is refused") {
    for (const auto& backend : test_backends()) {
        ParameterSet parameters;
        parameters.add("block1_conv1/kernel", {2, 2});
        parameters.freeze([](const Parameter&) { return true; });
        parameters.to_device(*backend);
        CHECK_THROWS_WITH_AS(Optimizer(*backend, parameters, {}, in_backbone),
                             doctest::Contains("no trainable"), Error);
    }
}

TEST_CASE("schedules") {
    Schedule schedule;
    schedule.base_rate = 0.1;
    schedule.total_steps = 100;
    CHECK(schedule.rate(0) == 0.1);
    CHECK(schedule.rate(99) == 0.1);

    schedule.kind = Schedule::Kind::step;
    schedule.period = 30;
    schedule.factor = 0.5;
    CHECK(schedule.rate(29) == doctest::Approx(0.1));
    CHECK(schedule.rate(30) == doctest::Approx(0.05));
    CHECK(schedule.rate(60) == doctest::Approx(0.025));

    schedule.kind = Schedule::Kind::cosine;
    schedule.warmup_steps = 20;
    CHECK(schedule.rate(0) == doctest::Approx(0.005));
    CHECK(schedule.rate(19) == doctest::Approx(0.1));
    CHECK(schedule.rate(20) == doctest::Approx(0.1));
    CHECK(schedule.rate(60) == doctest::Approx(0.05));
    CHECK(schedule.rate(100) == doctest::Approx(0.0));
    CHECK(schedule.rate(1000) == doctest::Approx(0.0));

    CHECK(parse_schedule("cosine") == Schedule::Kind::cosine);
    CHECK_THROWS_AS(parse_schedule("linear"), Error);
}

TEST_SUITE_END();
