// Transfer: weights that Keras made go under a new head, with preprocess_input's images, and are kept, or
// follow slowly.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "objloc/generators/scene_generator.h"
#include "objloc/models/localizer_step.h"
#include "objloc/models/model_file.h"
#include "tests/source_path.h"
#include "tests/test_backends.h"
#include "tools/common/evaluation.h"

namespace objloc {
namespace {

constexpr int64_t kBatch = 8, kSteps = 160;
constexpr double kRate = 1e-3;

/// The backbone of the fixture: VGG16 at width 1/64 without its top.
LocalizerConfig config_of(HeadForm head) {
    LocalizerConfig config;
    config.width = 1.0 / 64;
    config.side = 32;
    config.head = head;
    config.preprocess = Preprocess::caffe;
    return config;
}

/// What training moved: the largest change of any weight in the backbone and in the head, and the loss above
/// its floor at the start and at the end.
struct Moved {
    double backbone = 0, head = 0, first_loss = 0, last_loss = 0;
};

Moved train(Backend& backend, HeadForm head, bool freeze, float backbone_rate) {
    Localizer localizer(config_of(head), 3);
    const LoadReport report = load_weights(localizer, source_path("fixtures/keras1_notop.h5"));
    CHECK(report.taken.size() == 26);
    if (freeze) localizer.parameters().freeze(Localizer::in_backbone);
    localizer.parameters().to_device(backend);
    std::vector<std::vector<float>> before;
    for (const Parameter& parameter : localizer.parameters().all())
        before.push_back(localizer.parameters().download(parameter));

    SceneGenerator scenes(backend, scene_spec(SceneKind::natural, localizer.config(), 5, kTrainingStream));
    OptimizerOptions options;
    options.backbone_rate = backbone_rate;
    Optimizer optimizer(backend, localizer.parameters(), options, Localizer::in_backbone);
    LocalizerStep step(backend, optimizer,
                       {[&](const Tensor& images, const Tensor& boxes) { scenes.draw(images, boxes); },
                        training_graph(localizer, BoxLoss{}),
                        {kBatch, 32, 32, 3},
                        {kBatch, 3}});
    const auto run = [&](int64_t steps) {
        for (int64_t s = 0; s < steps; ++s) step.run(kRate);
        const BoxReport boxes = step.meter().read();
        return boxes.loss - boxes.floor;
    };
    Moved moved;
    moved.first_loss = run(kSteps / 8);
    run(kSteps * 3 / 4);
    moved.last_loss = run(kSteps / 8);
    for (size_t i = 0; i < before.size(); ++i) {
        const Parameter& parameter = localizer.parameters().all()[i];
        const std::vector<float> after = localizer.parameters().download(parameter);
        double& most = Localizer::in_backbone(parameter) ? moved.backbone : moved.head;
        for (size_t j = 0; j < after.size(); ++j)
            most = std::max(most, std::abs(double{after[j]} - double{before[i][j]}));
    }
    return moved;
}

}  // namespace

TEST_CASE("Keras's backbone under a new head: frozen it keeps its bits, else it follows at its own rate") {
    const auto backend = test_backends().front();
    for (const HeadForm head : {HeadForm::flatten, HeadForm::cells}) {
        CAPTURE(name_of(head));
        const Moved frozen = train(*backend, head, /*freeze=*/true, 1);
        CHECK(frozen.backbone == 0);
        CHECK(frozen.head > 0);
        CHECK(frozen.last_loss < frozen.first_loss);
        const Moved tuned = train(*backend, head, /*freeze=*/false, 0.1f);
        CHECK(tuned.backbone > 0);
        // Adam's steps are about as long as the rate, whatever the gradient: a tenth of the rate, a tenth of
        // the way.
        CHECK(tuned.backbone < 0.3 * tuned.head);
        CHECK(tuned.last_loss < tuned.first_loss);
    }
}

}  // namespace objloc
