// A project of its own that trains a small network with objloc's engine: two interleaved half moons, told apart by a
// multilayer perceptron. It exits with 1 unless the loss falls below kEnough.
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <numbers>
#include <vector>

#include "objloc/engine/initializers.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/engine/optimizer.h"
#include "objloc/engine/training_step.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"

namespace {

constexpr int64_t kPoints = 256, kHidden = 32;
// A constant answer costs log(2) = 0.69, the best straight line about 0.25. Below this the moons' bend is learned.
constexpr float kEnough = 0.05f;

/// Half a circle a class, facing each other. points (N,2), classes (N,1).
void draw_moons(std::vector<float>& points, std::vector<float>& classes) {
    for (int64_t i = 0; i < kPoints; ++i) {
        const bool upper = i % 2 == 0;
        const double angle = std::numbers::pi * static_cast<double>(i) / static_cast<double>(kPoints);
        const double x = std::cos(angle), y = std::sin(angle);
        points.push_back(static_cast<float>(upper ? x : 1 - x));
        points.push_back(static_cast<float>(upper ? y : 0.5 - y));
        classes.push_back(upper ? 1.0f : 0.0f);
    }
}

float train() {
    std::vector<float> points, classes;
    draw_moons(points, classes);

    //! [training]
    using namespace objloc;
    const std::unique_ptr<Backend> backend = cpu_backend_entry().make({.threads = 2});

    ParameterSet parameters;
    parameters.add("hidden/kernel", {2, kHidden}, he_normal({2, kHidden}, 1, "hidden/kernel"));
    parameters.add("hidden/bias", {kHidden});
    parameters.add("output/kernel", {kHidden, 1}, glorot_uniform({kHidden, 1}, 1, "output/kernel"));
    parameters.add("output/bias", {1});
    parameters.to_device(*backend);

    const Tensor x = backend->allocate({kPoints, 2}), target = backend->allocate({kPoints, 1}),
                 last_loss = backend->allocate({1});
    backend->upload(points.data(), x);
    backend->upload(classes.data(), target);

    const auto loss_of = [&](Tape& tape) {
        const auto weight = [&](const char* name) { return parameters.on(tape, name); };
        const Variable hidden = ops::relu(
            tape, ops::dense(tape, tape.constant(x), weight("hidden/kernel"), weight("hidden/bias")));
        const Variable logits = ops::dense(tape, hidden, weight("output/kernel"), weight("output/bias"));
        const Variable loss = ops::sigmoid_bce(tape, logits, tape.constant(target));
        backend->copy(loss.value(), last_loss);
        return loss;
    };

    Optimizer adam(*backend, parameters, {}, [](const Parameter&) { return false; });
    TrainingStep step(*backend, adam, {.draw = [] {}, .loss = loss_of});
    for (int i = 0; i < 300; ++i) step.run(0.02);

    float loss = 0;
    backend->download(last_loss, &loss);
    //! [training]
    return loss;
}

}  // namespace

int main() {
    try {
        const float loss = train();
        std::printf("loss %.4f, wanted below %.4f\n", static_cast<double>(loss),
                    static_cast<double>(kEnough));
        return loss < kEnough ? 0 : 1;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "error: %s\n", failure.what());
        return 1;
    }
}
