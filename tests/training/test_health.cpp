// Dead ReLUs are counted by layer, and a run that collapses to one box says so while it runs.
#include "objloc/models/health.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "objloc/models/model_file.h"
#include "tests/test_backends.h"
#include "tests/tools/tool.h"
#include "tools/train/collapse_detector.h"

namespace objloc {
namespace {

LocalizerConfig small() {
    LocalizerConfig config;
    config.width = 1.0 / 16;  // 4, 8, 16, 32, 32 channels
    config.side = 32;
    return config;
}

/// Channels of a convolution that no input revives: their kernels are 0 and their biases -1.
void kill(Localizer& localizer, const std::string& layer, int64_t channels) {
    Parameter& kernel = localizer.parameters().find(layer + "/kernel");
    const int64_t out = kernel.shape[3];
    for (size_t i = 0; i < kernel.initial.size(); ++i) {
        if (static_cast<int64_t>(i) % out < channels) kernel.initial[i] = 0;
    }
    Parameter& bias = localizer.parameters().find(layer + "/bias");
    bias.initial.resize(static_cast<size_t>(out), 0.0f);
    std::fill_n(bias.initial.begin(), channels, -1.0f);
}

SceneGenerator scenes_for(Backend& backend) {
    SceneSpec spec;
    spec.kind = SceneKind::natural;
    spec.side = 32;
    return SceneGenerator(backend, spec);
}

}  // namespace

TEST_CASE("layer_health counts the channels that are 0 everywhere, pooled or not") {
    for (const auto& backend : test_backends()) {
        if (backend->name() == "cuda-host") continue;  // a whole network is too much for an emulated device
        INFO(backend->name());
        Localizer localizer(small(), 1);
        kill(localizer, "block1_conv2", 3);  // pooled
        kill(localizer, "block3_conv1", 5);
        localizer.parameters().to_device(*backend);
        CollapseDetector watch(
            *backend, localizer, [&] { return scenes_for(*backend); }, 100);
        int64_t named = 0;
        for (const LayerHealth& layer : watch.layers()) {
            CAPTURE(layer.layer);
            const int64_t killed = layer.layer == "block1_conv2" ? 3 : layer.layer == "block3_conv1" ? 5 : 0;
            CHECK(layer.dead >= killed);  // others may be born dead
            CHECK(layer.dead < layer.channels);
            named += layer.channels;
        }
        CHECK(named == 2 * (4 + 8) + 3 * (16 + 32 + 32));
        CHECK(text_of(watch.layers()).find("block3_conv1") != std::string::npos);
    }
}

TEST_CASE("the watch warns once, not before a tenth of the run, and only when predictions are one box") {
    const auto backend = test_backends().front();
    Localizer localizer(small(), 1);
    kill(localizer, "block5_conv3", 32);
    localizer.parameters().to_device(*backend);
    CollapseDetector watch(
        *backend, localizer, [&] { return scenes_for(*backend); }, 100);
    BoxReport report;
    report.variance = 0.05;
    CHECK(!watch.check(report, 50));
    report.variance = 1e-6;
    CHECK(!watch.check(report, 5));
    const auto warning = watch.check(report, 50);
    REQUIRE(warning);
    CHECK(warning->find("step 50") != std::string::npos);
    CHECK(warning->find("block5_conv3 32 of 32") != std::string::npos);
    CHECK(warning->find("--lr") != std::string::npos);
    CHECK(!watch.check(report, 60));
}

TEST_CASE("objloc_train names a collapse while it happens") {
    const ScratchFolder folder;
    LocalizerConfig config;
    config.width = 0.25;
    config.side = 32;
    Localizer localizer(config, 1);
    kill(localizer, "block4_conv2", 128);
    const auto backend = test_backends().front();
    localizer.parameters().to_device(*backend);
    save_model(folder.file("dead.h5"), localizer);
    const ToolResult run = run_tool_line(
        "objloc_train --device cpu --recipe tutorial --scene natural --model vgg16-slim --side 32 --batch 8 "
        "--epochs 1 "
        "--steps-per-epoch 10 --log-every 2 --held-out 8 --weights dead.h5 --out run",
        folder.path());
    CHECK(run.exit_code == 0);
    CHECK(run.err.find("it has collapsed") != std::string::npos);
    CHECK(run.err.find("block4_conv2 128 of 128") != std::string::npos);
}

}  // namespace objloc
