// Training as a whole: it learns, repeats itself, keeps frozen weights, agrees between backends, and stops at
// NaN.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "objloc/engine/error.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/backends.h"
#include "objloc/models/localizer.h"
#include "objloc/models/localizer_step.h"
#include "tests/test_backends.h"
#include "tools/common/evaluation.h"

using namespace objloc;

namespace {

/// A small localizer on a small scene, and what it takes to train it.
struct Trainee {
    Backend& backend;
    int64_t batch;
    Localizer localizer;
    SceneGenerator scenes;
    Optimizer optimizer;
    LocalizerStep step;

    Trainee(Backend& backend_, LocalizerConfig config, SceneKind kind, int64_t batch_, bool freeze = false,
            OptimizerOptions options = {})
        : backend(backend_),
          batch(batch_),
          localizer(placed(backend_, config, freeze)),
          scenes(backend_, scene(config, kind)),
          optimizer(backend_, localizer.parameters(), options, Localizer::in_backbone),
          step(backend_, optimizer,
               {[this](const Tensor& images, const Tensor& boxes) { scenes.draw(images, boxes); },
                training_graph(localizer, BoxLoss{}),
                {batch_, config.side, config.side, 3},
                {batch_, config.outputs()}}) {}

    static Localizer placed(Backend& backend, const LocalizerConfig& config, bool freeze) {
        Localizer localizer(config, 7);
        if (freeze) localizer.parameters().freeze(Localizer::in_backbone);
        localizer.parameters().to_device(backend);
        return localizer;
    }

    static SceneSpec scene(const LocalizerConfig& config, SceneKind kind) {
        SceneSpec spec;
        spec.kind = kind;
        spec.side = static_cast<int32_t>(config.side);
        spec.outputs = config.outputs();
        spec.seed = 7;
        spec.stream = kTrainingStream;
        return spec;
    }

    BoxReport run(int64_t steps, double rate) {
        for (int64_t s = 0; s < steps; ++s) step.run(rate);
        return step.meter().read();
    }
};

LocalizerConfig small_config(double width, int64_t side, BoxForm box = BoxForm::square) {
    LocalizerConfig config;
    config.width = width;
    config.side = side;
    config.box = box;
    return config;
}

std::vector<std::vector<float>> all_values(const Localizer& localizer) {
    std::vector<std::vector<float>> values;
    for (const Parameter& parameter : localizer.parameters().all()) {
        values.push_back(localizer.parameters().download(parameter));
    }
    return values;
}

std::shared_ptr<Backend> cpu() {
    for (const auto& backend : test_backends()) {
        if (backend->name() == "cpu") return backend;
    }
    throw Error("tests", "there is no cpu backend");
}

}  // namespace

TEST_SUITE_BEGIN("training");

TEST_CASE("a small localizer learns, far beyond the best constant box") {
    const auto backend = cpu();
    for (const BoxForm form : {BoxForm::square, BoxForm::rect}) {
        CAPTURE(name_of(form));
        Trainee trainee(*backend, small_config(0.125, 64, form), SceneKind::blob, 32);
        const BoxReport first = trainee.run(10, 1e-3);
        trainee.run(220, 1e-3);
        const BoxReport last = trainee.run(10, 1e-3);
        CHECK(last.finite_steps == last.steps);
        CHECK(last.loss - last.floor < 0.3 * (first.loss - first.floor));
        SceneSpec spec = trainee.scenes.spec();
        spec.stream = kHeldOutStream;
        SceneGenerator held_out(*backend, spec);
        const Evaluation evaluation = evaluate(*backend, trainee.localizer, held_out, 256, 64);
        CHECK(evaluation.report.images == 256);
        CHECK(evaluation.constant_iou < 0.45);
        CHECK(evaluation.report.iou > evaluation.constant_iou + 0.2);
        CHECK(evaluation.report.over_50 > 0.6);
    }
}

TEST_CASE("two runs with one seed give the same bits") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const auto run = [&] {
            Trainee trainee(*backend, small_config(0.0625, 32), SceneKind::natural, 2);
            trainee.run(2, 1e-3);
            return all_values(trainee.localizer);
        };
        const auto first = run(), second = run();
        for (size_t i = 0; i < first.size(); ++i) {
            CHECK(std::memcmp(first[i].data(), second[i].data(), first[i].size() * sizeof(float)) == 0);
        }
    }
}

TEST_CASE("backends agree on the losses of a training, step by step") {
    const auto losses = [](Backend& backend) {
        Trainee trainee(backend, small_config(0.0625, 32), SceneKind::natural, 2);
        std::vector<double> list;
        for (int s = 0; s < 5; ++s) list.push_back(trainee.run(1, 1e-3).loss);
        return list;
    };
    const std::vector<double> expected = losses(*cpu());
    CHECK(expected.front() != expected.back());
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        const std::vector<double> got = losses(*backend);
        for (size_t s = 0; s < expected.size(); ++s) {
            // 1e-5: float sums in another order, carried through a few Adam steps.
            CHECK(std::abs(got[s] - expected[s]) <= 1e-5 * std::abs(expected[s]));
        }
    }
}

TEST_CASE("a frozen backbone keeps its bits while the head learns") {
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        Trainee trainee(*backend, small_config(0.0625, 32), SceneKind::cat, 2, /*freeze=*/true);
        const auto before = all_values(trainee.localizer);
        trainee.run(3, 1e-2);
        const auto after = all_values(trainee.localizer);
        const auto& parameters = trainee.localizer.parameters().all();
        CHECK(trainee.localizer.parameters().trainable_count() == 32 * 3 + 3);
        for (size_t i = 0; i < before.size(); ++i) {
            CAPTURE(parameters[i].name);
            const bool same =
                std::memcmp(before[i].data(), after[i].data(), before[i].size() * sizeof(float)) == 0;
            CHECK(same == Localizer::in_backbone(parameters[i]));
        }
    }
}

TEST_CASE("a loss that is not finite is counted from its first step, and the weights stay as they were") {
    const auto backend = cpu();
    Trainee trainee(*backend, small_config(0.0625, 32), SceneKind::blob, 2);
    trainee.run(2, 1e-3);
    const auto good = all_values(trainee.localizer);
    // Poison one activation path: an infinite bias in the head makes the loss infinite.
    const Parameter& bias = trainee.localizer.parameters().find("dense/bias");
    std::vector<float> poisoned = trainee.localizer.parameters().download(bias);
    const float before = poisoned[0];
    poisoned[0] = std::numeric_limits<float>::quiet_NaN();
    trainee.step.run(1e-3);
    const auto last_good = all_values(trainee.localizer);
    backend->upload(poisoned.data(), bias.value);
    const BoxReport report = trainee.run(3, 1e-3);
    CHECK(report.steps == 4);
    CHECK(report.finite_steps == 1);
    CHECK_FALSE(std::isfinite(trainee.optimizer.gradient_norm()));
    CHECK(std::isfinite(before));
    const auto after = all_values(trainee.localizer);
    for (size_t i = 0; i + 1 < after.size(); ++i) {  // the last is the poisoned bias
        CHECK(std::memcmp(last_good[i].data(), after[i].data(), after[i].size() * sizeof(float)) == 0);
    }
    CHECK(good[0] != last_good[0]);
}

TEST_CASE("momentum SGD trains too") {
    const auto backend = cpu();
    OptimizerOptions options;
    options.rule = SgdSettings{0.9f, true};
    options.clip_norm = 1;
    Trainee trainee(*backend, small_config(0.125, 32), SceneKind::blob, 32, false, options);
    const BoxReport first = trainee.run(5, 0.02);
    trainee.run(60, 0.02);
    const BoxReport last = trainee.run(5, 0.02);
    CHECK(last.loss < first.loss);
    CHECK(last.iou > first.iou);
}

TEST_CASE("the memory that training takes for an image is known beforehand") {
    const auto backend = cpu();
    const auto peak = [&](int64_t batch) {
        backend->allocator().trim();
        Trainee trainee(*backend, small_config(0.25, 64), SceneKind::blob, batch);
        backend->allocator().reset_high_water_mark();
        trainee.run(1, 1e-3);
        return static_cast<double>(backend->allocator().high_water_mark());
    };
    const double measured = (peak(48) - peak(16)) / 32;
    const double expected = Localizer(small_config(0.25, 64), 1).training_bytes_per_image();
    CHECK(measured < 1.15 * expected);
    CHECK(measured > 0.6 * expected);
}

TEST_CASE("a hundred steps of Winograd and of direct convolutions have the same losses within a percent") {
    const auto losses = [](const char* conv) {
        const auto backend = builtin_backends().make("cpu", {.threads = 2, .conv = conv});
        Trainee trainee(*backend, small_config(0.25, 64), SceneKind::natural, 16);
        std::vector<double> list;
        for (int s = 0; s < 100; ++s) list.push_back(trainee.run(1, 1e-4).loss);
        return list;
    };
    const std::vector<double> direct = losses("direct"), winograd = losses("winograd");
    CHECK(direct != winograd);
    for (size_t s = 0; s < direct.size(); ++s) {
        CAPTURE(s);
        CHECK(std::abs(winograd[s] - direct[s]) <= 0.01 * direct[s]);
    }
}

TEST_CASE("the best constant box") {
    // Two equal boxes and one far away: the best constant box is the pair's, IoU 1, 1 and 0.
    const std::vector<float> boxes = {0.1f, 0.1f, 0.2f, 0.1f, 0.1f, 0.2f, 0.7f, 0.7f, 0.2f};
    CHECK(best_constant_iou(rectangles(boxes, 3)) == doctest::Approx(2.0 / 3).epsilon(0.01));
    CHECK(best_constant_iou({{0.1, 0.2, 0.3, 0.4}}) == doctest::Approx(1.0).epsilon(1e-4));
    // Small boxes at the four edges: the median box, in the middle, overlaps none of them.
    const std::vector<Box> edges = {
        {0, 0.4, 0.1, 0.2}, {0.9, 0.4, 0.1, 0.2}, {0.4, 0, 0.2, 0.1}, {0.4, 0.9, 0.2, 0.1}};
    CHECK(best_constant_iou(edges) >= 0.25);
}

TEST_SUITE_END();
