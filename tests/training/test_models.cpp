// The models: Keras's names, shapes and counts, the table, the configuration, and files that carry all of it.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/initializers.h"
#include "objloc/models/model_file.h"
#include "objloc/models/vgg16.h"
#include "tests/test_backends.h"

using namespace objloc;

namespace {

struct TemporaryFolder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "objloc_test_models";
    TemporaryFolder() { std::filesystem::create_directories(path); }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_SUITE_BEGIN("models");

TEST_CASE("VGG16 has Keras's parameters") {
    const Localizer localizer({}, 1);
    const auto& parameters = localizer.parameters().all();
    CHECK(parameters.size() == 28);
    CHECK(parameters.front().name == "block1_conv1/kernel");
    CHECK(parameters.front().shape == Shape{3, 3, 3, 64});
    CHECK(parameters[25].name == "block5_conv3/bias");
    CHECK(parameters.back().name == "dense/bias");
    // keras.applications.VGG16(include_top=False) has 14,714,688; the head 8192 * 3 + 3.
    CHECK(localizer.parameters().count() == 14714688 + 8192 * 3 + 3);
    CHECK(localizer.forward_flops() == doctest::Approx(10.0e9).epsilon(0.05));
}

TEST_CASE("the summary is the table that Keras users know") {
    LocalizerConfig config;
    config.width = 0.25;
    config.box = BoxForm::rect;
    Localizer localizer(config, 1);
    localizer.parameters().freeze(Localizer::in_backbone);
    const std::string text = localizer.summary();
    for (const std::string part :
         {"block1_conv1 (Conv2D)", "(None, 128, 128, 16)", "block5_pool (MaxPooling2D)", "(None, 4, 4, 128)",
          "flatten (Flatten)", "(None, 2048)", "dense (Dense)", "(None, 4)", "Non-trainable params: 920,784",
          "Trainable params: 8,196"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
}

TEST_CASE("any input side from 32 on, any width, and nothing below") {
    CHECK(vgg16_convolutions(1, 32).back().side == 2);
    CHECK(vgg16_convolutions(1, 45)[2].side == 22);
    CHECK(vgg16_convolutions(0.001, 64).front().out == 1);
    CHECK_THROWS_AS(vgg16_convolutions(1, 31), Error);
    CHECK_THROWS_AS(vgg16_convolutions(0, 64), Error);
    LocalizerConfig odd;
    odd.width = 0.05;
    odd.side = 45;
    for (const auto& backend : test_backends()) {
        Localizer localizer(odd, 1);
        localizer.parameters().to_device(*backend);
        Tape tape(*backend, false);
        const Tensor images = backend->allocate({1, 45, 45, 3});
        backend->fill(images, 0.5f);
        CHECK(localizer.predict(tape, tape.constant(images)).boxes.shape() == Shape{1, 3});
    }
}

TEST_CASE("initial values have the distributions they are named for") {
    const Shape shape{3, 3, 64, 128};
    const auto he = he_normal(shape, 5, "a");
    double sum = 0, squares = 0, largest = 0;
    for (const double value : he)
        sum += value, squares += value * value, largest = std::max(largest, std::abs(value));
    const double count = static_cast<double>(he.size()), variance = 2.0 / (9 * 64);
    CHECK(std::abs(sum / count) < 4 * std::sqrt(variance / count));
    CHECK(squares / count == doctest::Approx(variance).epsilon(0.02));
    CHECK(largest <= 2 * std::sqrt(variance) / 0.8796 + 1e-6);

    const auto glorot = glorot_uniform({100, 50}, 5, "a");
    const double limit = std::sqrt(6.0 / 150);
    largest = 0;
    for (const double value : glorot) largest = std::max(largest, std::abs(value));
    CHECK(largest <= limit);
    CHECK(largest > 0.99 * limit);
    CHECK(he_normal(shape, 5, "a") == he);
    CHECK(he_normal(shape, 6, "a") != he);
    CHECK(he_normal(shape, 5, "b") != he);
}

TEST_CASE("the configuration survives its JSON, and nonsense is refused") {
    LocalizerConfig config;
    config.width = 0.25;
    config.side = 96;
    config.box = BoxForm::rect;
    config.preprocess = Preprocess::caffe;
    const LocalizerConfig back = LocalizerConfig::from_json(config.to_json());
    CHECK(back.width == config.width);
    CHECK(back.side == config.side);
    CHECK(back.box == config.box);
    CHECK(back.preprocess == config.preprocess);
    for (const char* bad : {"", "{}", "[1]", "{\"architecture\": \"resnet\"}", "{\"architecture\": 3}"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(LocalizerConfig::from_json(bad), Error);
    }
}

TEST_CASE("a model file alone brings the model back, bit for bit") {
    const TemporaryFolder folder;
    const std::string path = folder.path / "model.h5";
    LocalizerConfig config;
    config.width = 0.0625;
    config.side = 45;
    config.box = BoxForm::rect;
    const Localizer saved(config, 3);
    save_model(path, saved);
    const Localizer loaded = load_model(path);
    CHECK(loaded.config().side == 45);
    CHECK(loaded.config().box == BoxForm::rect);
    for (size_t i = 0; i < saved.parameters().all().size(); ++i) {
        CHECK(loaded.parameters().all()[i].initial == saved.parameters().all()[i].initial);
    }

    SUBCASE("a head of another shape is refused, not dropped") {
        config.box = BoxForm::square;
        config.side = 64;
        Localizer other(config, 4);
        CHECK_THROWS_WITH_AS(load_weights(other, path), doctest::Contains("dense/kernel"), Error);
    }
    SUBCASE("another width is refused, naming the tensor and both shapes") {
        Localizer wide({}, 4);
        CHECK_THROWS_WITH_AS(load_weights(wide, path), doctest::Contains("block1_conv1/kernel"), Error);
        CHECK_THROWS_WITH_AS(load_weights(wide, path), doctest::Contains("(3, 3, 3, 64)"), Error);
    }
    SUBCASE("weights without a configuration are no model, but can be trained from") {
        const std::string weights = folder.path / "weights.h5";
        std::vector<NamedArray> arrays;
        for (const Parameter& parameter : saved.parameters().all()) {
            if (Localizer::in_backbone(parameter))
                arrays.push_back({parameter.name, parameter.shape, parameter.initial});
        }
        write_keras_weights(weights, arrays, {});
        CHECK_THROWS_WITH_AS(load_model(weights), doctest::Contains("objloc_train --weights"), Error);
        Localizer other(config, 4);
        const LoadReport report = load_weights(other, weights);
        CHECK(report.taken.size() == 26);
        CHECK(report.missing == std::vector<std::string>{"dense/kernel", "dense/bias"});
        CHECK(other.parameters().all()[0].initial == saved.parameters().all()[0].initial);
        arrays.pop_back();
        write_keras_weights(weights, arrays, {});
        CHECK_THROWS_WITH_AS(load_weights(other, weights), doctest::Contains("block5_conv3/bias"), Error);
    }
}

TEST_SUITE_END();
