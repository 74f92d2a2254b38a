// The whole model against Keras: activations, losses, every gradient and ten steps of Adam, on every backend.
// Keras's numbers were computed in float64 (fixtures/make_fixtures.py).
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "objloc/engine/ops/ops.h"
#include "objloc/engine/optimizer.h"
#include "objloc/models/formats/hdf5_file.h"
#include "objloc/models/localizer.h"
#include "objloc/models/vgg16.h"
#include "tests/source_path.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

constexpr double kTolerance = 1e-5;

/// VGG16 at width 1/16 and 32x32 pixels, with the inputs and weights that Keras had.
class Reference {
  public:
    Reference() : file_(open_hdf5(path())) {}

    std::vector<float> read(const std::string& name) const { return file_.read<float>(name); }

    Localizer localizer(Backend& backend) const {
        LocalizerConfig config;
        config.width = 1.0 / 16;
        config.side = 32;
        Localizer localizer(config, 0);
        for (Parameter& parameter : localizer.parameters().all()) {
            parameter.initial = read("initial/" + parameter.name);
            REQUIRE(static_cast<int64_t>(parameter.initial.size()) == parameter.shape.count());
        }
        localizer.parameters().to_device(backend);
        return localizer;
    }

    Tensor tensor(Backend& backend, const std::string& name, const Shape& shape) const {
        const Tensor tensor = backend.allocate(shape);
        const std::vector<float> values = read(name);
        REQUIRE(static_cast<int64_t>(values.size()) == shape.count());
        backend.upload(values.data(), tensor);
        return tensor;
    }
    Tensor images(Backend& backend) const { return tensor(backend, "images", {2, 32, 32, 3}); }
    Tensor targets(Backend& backend) const { return tensor(backend, "targets", {2, 3}); }

  private:
    static std::string path() { return source_path("fixtures/keras_vgg16_width16th.h5"); }

    Hdf5Group file_;
};

std::vector<float> download(Backend& backend, const Tensor& tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    backend.download(tensor, values.data());
    return values;
}

/// The norm of the difference over the norm of what is expected.
double relative_error(const std::vector<float>& found, const std::vector<float>& expected) {
    REQUIRE(found.size() == expected.size());
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < found.size(); ++i) {
        difference += std::pow(double{found[i]} - double{expected[i]}, 2);
        norm += std::pow(double{expected[i]}, 2);
    }
    REQUIRE(norm > 0);
    return std::sqrt(difference / norm);
}

void check_close(const std::string& what, const std::vector<float>& found,
                 const std::vector<float>& expected) {
    CAPTURE(what);
    CHECK(relative_error(found, expected) <= kTolerance);
}

TEST_CASE("activations after each block, logits and boxes are Keras's") {
    const Reference keras;
    for (const auto& backend : test_backends()) {
        CAPTURE(backend->name());
        Localizer localizer = keras.localizer(*backend);
        Tape tape(*backend, false);
        const Variable images = tape.constant(keras.images(*backend));
        // Each prefix of the network that ends with a block.
        std::vector<Vgg16Conv> prefix;
        for (const Vgg16Conv& convolution : vgg16_convolutions(1.0 / 16, 32)) {
            prefix.push_back(convolution);
            if (!convolution.last_in_block()) continue;
            const Variable features = vgg16_blocks(tape, localizer.parameters(), prefix, images).back();
            check_close(convolution.pool_name, download(*backend, features.value()),
                        keras.read("activations/" + convolution.pool_name));
        }
        check_close("logits", download(*backend, localizer.predict(tape, images).logits.value()),
                    keras.read("activations/logits"));
        check_close("boxes", download(*backend, localizer.predict(tape, images).boxes.value()),
                    keras.read("activations/probabilities"));
    }
}

TEST_CASE("the loss and every gradient are Keras's, through the sigmoid and from logits") {
    const Reference keras;
    for (const auto& backend : test_backends()) {
        for (const bool through_sigmoid : {false, true}) {
            CAPTURE(backend->name());
            CAPTURE(through_sigmoid);
            Localizer localizer = keras.localizer(*backend);
            Tape tape(*backend);
            const Variable images = tape.constant(keras.images(*backend));
            const Variable targets = tape.constant(keras.targets(*backend));
            const Variable loss =
                through_sigmoid ? ops::bce(tape, localizer.predict(tape, images).boxes, targets)
                                : ops::sigmoid_bce(tape, localizer.predict(tape, images).logits, targets);
            check_close("loss", download(*backend, loss.value()),
                        keras.read(through_sigmoid ? "loss_through_sigmoid" : "loss_from_logits"));
            tape.backward(loss);
            for (const Parameter& parameter : localizer.parameters().all()) {
                check_close(parameter.name, download(*backend, parameter.gradient),
                            keras.read("gradients/" + parameter.name));
            }
        }
    }
}

TEST_CASE("ten steps of Adam lead where Keras's lead, through the sigmoid and from logits") {
    const Reference keras;
    for (const auto& backend : test_backends()) {
        for (const bool through_sigmoid : {false, true}) {
            CAPTURE(backend->name());
            CAPTURE(through_sigmoid);
            Localizer localizer = keras.localizer(*backend);
            Optimizer optimizer(*backend, localizer.parameters(), {}, Localizer::in_backbone);
            const Tensor images = keras.images(*backend);
            const Tensor targets = keras.targets(*backend);
            std::vector<float> losses;
            for (int step = 0; step < 10; ++step) {
                Tape tape(*backend);
                const BoxPrediction predicted = localizer.predict(tape, tape.constant(images));
                const Variable loss = through_sigmoid
                                          ? ops::bce(tape, predicted.boxes, tape.constant(targets))
                                          : ops::sigmoid_bce(tape, predicted.logits, tape.constant(targets));
                losses.push_back(download(*backend, loss.value())[0]);
                optimizer.begin_step(1e-3);
                tape.backward(loss);
                optimizer.update();
            }
            check_close("losses", losses, keras.read("adam/losses"));
            for (const Parameter& parameter : localizer.parameters().all()) {
                check_close(parameter.name, localizer.parameters().download(parameter),
                            keras.read("adam/weights/" + parameter.name));
            }
        }
    }
}

TEST_CASE("saturated outputs have Keras's loss and gradient") {
    const Reference keras;
    const auto logits = keras.read("bce_edges/logits");
    const auto targets = keras.read("bce_edges/targets");
    for (const auto& backend : test_backends()) {
        for (const bool through_sigmoid : {false, true}) {
            const std::string form = through_sigmoid ? "through_sigmoid" : "from_logits";
            const auto losses = keras.read("bce_edges/loss_" + form);
            const auto gradients = keras.read("bce_edges/gradient_" + form);
            for (size_t i = 0; i < logits.size(); ++i) {
                CAPTURE(backend->name());
                CAPTURE(form);
                CAPTURE(logits[i]);
                CAPTURE(targets[i]);
                const Tensor x = backend->allocate({1, 1});
                const Tensor y = backend->allocate({1, 1});
                backend->upload(&logits[i], x);
                backend->upload(&targets[i], y);
                Tape tape(*backend);
                const Variable logit = tape.leaf(x);
                const Variable target = tape.constant(y);
                const Variable loss = through_sigmoid ? ops::bce(tape, ops::sigmoid(tape, logit), target)
                                                      : ops::sigmoid_bce(tape, logit, target);
                CHECK(download(*backend, loss.value())[0] == doctest::Approx(losses[i]).epsilon(1e-5));
                tape.backward(loss);
                CHECK(download(*backend, logit.gradient())[0] == doctest::Approx(gradients[i]).epsilon(1e-5));
            }
        }
    }
}

}  // namespace
}  // namespace objloc
