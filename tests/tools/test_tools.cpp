// The tools as a person meets them: a run folder that is whole, a prediction that repeats the run's, and a
// clear message, a non-zero exit and nothing half written for every bad input.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/image.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/models/model_file.h"
#include "tests/test_backends.h"
#include "tests/tools/tool.h"
#include "tools/common/evaluation.h"
#include "tools/common/predict.h"

using namespace objloc;
namespace fs = std::filesystem;

namespace {

/// Seconds of training on little scenes; enough to run every part of the tool.
const std::string kQuickFrom =
    "objloc_train --device cpu --model vgg16-slim --side 32 --epochs 2 --steps-per-epoch 3 --batch 4 "
    "--log-every 2 "
    "--held-out 8 --seed 5 --weights ";
const std::string kQuick = kQuickFrom + "none ";

Image grey(int width, int height, int channels = 3) {
    Image image(width, height, channels);
    std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{128});
    return image;
}

size_t files_in(const fs::path& folder) {
    if (!fs::exists(folder)) return 0;
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file();
    return count;
}

void check_refused(const ToolResult& result, const std::string& message) {
    CAPTURE(result.out);
    CAPTURE(result.err);
    CHECK(result.exit_code != 0);
    CHECK(result.exit_code != -1);  // refused, not crashed
    CHECK(result.err.find(message) != std::string::npos);
    CHECK(result.err.find("should not happen") == std::string::npos);
}

}  // namespace

TEST_SUITE_BEGIN("tools");

TEST_CASE("a run leaves a whole folder, and predict repeats what the run drew") {
    const ScratchFolder folder;
    const ToolResult trained = run_tool_line(kQuick + "--scene natural --out run", folder.path());
    CAPTURE(trained.err);
    REQUIRE(trained.exit_code == 0);
    CHECK(trained.out.find("Model: vgg16-slim from scratch") != std::string::npos);
    CHECK(trained.out.find("Epoch 2/2") != std::string::npos);
    CHECK(trained.out.find('\r') == std::string::npos);  // no bar where there is no terminal
    CHECK(trained.out.find("Mean IoU") != std::string::npos);
    const fs::path run = folder.path() / "run";
    for (const char* name :
         {"config.json", "metrics.jsonl", "model.h5", "samples.png", "predictions.png", "summary.txt"}) {
        CAPTURE(name);
        CHECK(fs::file_size(run / name) > 0);
    }
    CHECK(files_in(run) == 6);

    const auto config = nlohmann::json::parse(contents(run / "config.json"));
    CHECK(config["seed"] == 5);
    CHECK(config["localizer"]["width"] == 0.25);
    std::istringstream lines(contents(run / "metrics.jsonl"));
    std::vector<int> steps;
    for (std::string line; std::getline(lines, line);) {
        const auto json = nlohmann::json::parse(line);
        steps.push_back(json["step"]);
        CHECK(json["loss_above_floor"].get<double>() ==
              doctest::Approx(json["loss"].get<double>() - json["loss_floor"].get<double>()));
    }
    CHECK(steps == std::vector<int>{2, 3, 5, 6});

    // A held-out scene as a PNG, predicted by the tool, against the engine's own answer.
    const auto backend = test_backends().front();
    Localizer localizer = load_model(run / "model.h5");
    localizer.parameters().to_device(*backend);
    SceneSpec spec;
    spec.kind = SceneKind::natural;
    spec.side = 32;
    spec.seed = 5;
    spec.stream = kHeldOutStream;
    SceneGenerator scenes(*backend, spec);
    const Tensor images = backend->allocate({1, 32, 32, 3}), boxes = backend->allocate({1, 3});
    scenes.draw(images, boxes);
    std::vector<float> pixels(static_cast<size_t>(images.count()));
    backend->download(images, pixels.data());
    Image image(32, 32, 3);
    for (size_t i = 0; i < pixels.size(); ++i)
        image.pixels[i] = static_cast<uint8_t>(std::lround(pixels[i] * 255));
    save_png(folder.file("scene.png"), image);
    const std::vector<float> expected = predict_boxes(*backend, localizer, images);

    const ToolResult predicted = run_tool_line(
        "objloc_predict --device cpu --model run/model.h5 scene.png --out boxed --json", folder.path());
    CAPTURE(predicted.err);
    REQUIRE(predicted.exit_code == 0);
    const auto answer = nlohmann::json::parse(predicted.out).at(0);
    CHECK(answer["image"] == "scene.png");
    CHECK(std::abs(answer["x"].get<float>() - 32 * expected[0]) <= 1);
    CHECK(std::abs(answer["y"].get<float>() - 32 * expected[1]) <= 1);
    CHECK(std::abs(answer["w"].get<float>() - 32 * expected[2]) <= 1);
    const Image drawn = load_image(folder.file("boxed/scene.png.box.png"));
    CHECK(drawn.width == 32);
    CHECK(drawn.pixels != image.pixels);
}

TEST_CASE(
    "a detector's run: the same folder, by steps and by the clock, and boxes only where they are sure") {
    const ScratchFolder folder;
    const std::string line =
        "objloc_train --device cpu --head detect --scene composed --model compact --width 0.25 --side 64 "
        "--batch 4 "
        "--log-every 1 --held-out 8 --seed 5 ";
    const ToolResult trained =
        run_tool_line(line + "--epochs 2 --steps-per-epoch 3 --out run", folder.path());
    CAPTURE(trained.err);
    REQUIRE(trained.exit_code == 0);
    CHECK(trained.out.find("Model: compact at width 0.25 from scratch") != std::string::npos);
    CHECK(trained.out.find("AP50") != std::string::npos);
    const fs::path run = folder.path() / "run";
    CHECK(files_in(run) == 6);
    const std::string metrics = contents(run / "metrics.jsonl");
    CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 6);
    CHECK(nlohmann::json::parse(contents(run / "config.json"))["localizer"]["head"] == "detect");
    REQUIRE(run_tool_line(line + "--epochs 2 --steps-per-epoch 3 --out again", folder.path()).exit_code == 0);
    const Localizer once = load_model(run / "model.h5"), twice = load_model(folder.file("again/model.h5"));
    CHECK(once.parameters().all()[0].initial == twice.parameters().all()[0].initial);
    REQUIRE(run_tool_line(line + "--minutes 0.02 --out timed", folder.path()).exit_code == 0);

    save_png(folder.file("wide.png"), grey(200, 50));
    const std::string predict = "objloc_predict --device cpu --model run/model.h5 wide.png ";
    const ToolResult none = run_tool_line(predict + "--confidence 1 --out boxed", folder.path());
    CHECK(none.exit_code == 0);
    CHECK(none.out == "wide.png: nothing found\n");
    CHECK(load_image(folder.file("boxed/wide.png.box.png")).width == 200);
    const ToolResult all = run_tool_line(predict + "--confidence 0 --json", folder.path());
    const auto boxes = nlohmann::json::parse(all.out).at(0)["boxes"];
    CHECK(boxes.is_array());  // after six steps it may be empty: test_detector.cpp has many boxes
    double before = 1;
    for (const auto& box : boxes) {
        CHECK(box["confidence"].get<double>() <= before);
        before = box["confidence"];
        CHECK(box["x"].get<int>() >= 0);
        CHECK(box["x"].get<int>() + box["w"].get<int>() <= 201);  // corner and width are rounded apart
        CHECK(box["y"].get<int>() + box["h"].get<int>() <= 51);
    }
    check_refused(run_tool_line("objloc_train --device cpu --head detect --scene cat --out x", folder.path()),
                  "--head");
    check_refused(
        run_tool_line("objloc_train --device cpu --head cells --scene composed --out x", folder.path()),
        "--head");
}

TEST_CASE("equal seeds train equal models, and --weights starts from one") {
    const ScratchFolder folder;
    const std::string line = kQuick + "--scene blob --out ";
    REQUIRE(run_tool_line(line + "a", folder.path()).exit_code == 0);
    REQUIRE(run_tool_line(line + "b", folder.path()).exit_code == 0);
    const Localizer a = load_model(folder.file("a/model.h5")), b = load_model(folder.file("b/model.h5"));
    CHECK(a.parameters().all()[0].initial == b.parameters().all()[0].initial);
    CHECK(a.parameters().all().back().initial == b.parameters().all().back().initial);

    const ToolResult head = run_tool_line(
        "objloc_train --device cpu --model vgg16-slim --weights a/model.h5 --freeze backbone --scene cat "
        "--side 32 "
        "--epochs 1 --steps-per-epoch 2 --batch 4 --held-out 4 --out c",
        folder.path());
    CAPTURE(head.err);
    REQUIRE(head.exit_code == 0);
    const Localizer c = load_model(folder.file("c/model.h5"));
    CHECK(c.parameters().all()[0].initial == a.parameters().all()[0].initial);
    CHECK(c.parameters().all().back().initial != a.parameters().all().back().initial);
}

TEST_CASE("--help says what to type, --summary prints the table, and neither writes anything") {
    const ScratchFolder folder;
    for (const char* tool : {"objloc_train", "objloc_predict"}) {
        const ToolResult help = run_tool_line(std::string(tool) + " --help", folder.path());
        CHECK(help.exit_code == 0);
        CHECK(help.out.substr(0, 400).find(std::string("    ") + tool) != std::string::npos);
    }
    const ToolResult summary =
        run_tool_line("objloc_train --recipe tutorial --model vgg16 --summary", folder.path());
    CHECK(summary.exit_code == 0);
    CHECK(summary.out.find("Total params: 14,739,267") != std::string::npos);
    CHECK(files_in(folder.path()) == 0);
}

TEST_CASE("the recipe's old name still works, and flags given by hand win over a recipe") {
    const ScratchFolder folder;
    const auto summary = [&](const std::string& flags) {
        return run_tool_line("objloc_train --summary " + flags, folder.path()).out;
    };
    CHECK(summary("--recipe seed --model vgg16") == summary("--recipe tutorial --model vgg16"));
    CHECK(summary("--recipe tutorial --model vgg16").find("Flatten") != std::string::npos);
    CHECK(summary("--recipe detect").find("compact localizer") != std::string::npos);
    CHECK(summary("--recipe detect --model vgg16-slim").find("vgg16-slim localizer") != std::string::npos);
}

TEST_CASE("wrong and contradictory flags") {
    const ScratchFolder folder;
    const auto refused = [&](const std::string& flags, const std::string& message) {
        CAPTURE(flags);
        check_refused(run_tool_line("objloc_train --device cpu " + flags, folder.path()), message);
        CHECK(files_in(folder.path()) == 0);
    };
    refused("--sceen blob", "--sceen");
    refused("--scene dog", "dog");
    refused("--batch 0", "--batch");
    refused("--batch many", "many");
    refused("--epochs -1", "--epochs");
    refused("--side 16", "--side");
    refused("--lr 0", "--lr");
    refused("--scene blob --sprite a.png", "--sprite");
    refused("--scene cat --backgrounds a.png", "--backgrounds");
    refused("--freeze backbone --weights none", "contradicts");
    refused("--model vgg16-slim --freeze backbone", "no weights");
    refused("--warmup 400", "--warmup");
    refused("--weights imagenet", "weights/fetch.sh");
    check_refused(run_tool_line("objloc_predict x.png", folder.path()), "--model");
    check_refused(run_tool_line("objloc_predict --model m.h5", folder.path()), "images");
}

TEST_CASE("bad weights") {
    const ScratchFolder folder;
    const auto refused = [&](const std::string& file, const std::string& message) {
        CAPTURE(file);
        check_refused(run_tool_line(kQuickFrom + file + " --out run", folder.path()), message);
        CHECK_FALSE(fs::exists(folder.path() / "run/model.h5"));
        check_refused(run_tool_line("objloc_predict --device cpu --model " + file + " x.png", folder.path()),
                      file);
    };
    refused("missing.h5", "missing.h5");
    folder.write("empty.h5", "");
    refused("empty.h5", "empty.h5");
    folder.write("text.h5", "this is no HDF5 file");
    refused("text.h5", "text.h5");
    LocalizerConfig config;
    config.width = 0.0625;
    config.side = 32;
    save_model(folder.file("narrow.h5"), Localizer(config, 1));
    const std::string whole = contents(folder.file("narrow.h5"));
    folder.write("truncated.h5", whole.substr(0, whole.size() / 2));
    refused("truncated.h5", "truncated.h5");
    check_refused(run_tool_line(kQuickFrom + "narrow.h5 --out run", folder.path()), "block1_conv1/kernel");
}

TEST_CASE("bad pictures") {
    const ScratchFolder folder;
    LocalizerConfig config;
    config.width = 0.0625;
    config.side = 32;
    save_model(folder.file("model.h5"), Localizer(config, 1));
    save_png(folder.file("good.png"), grey(40, 30));
    const std::string whole = contents(folder.file("good.png"));
    folder.write("truncated.png", whole.substr(0, whole.size() / 2));
    folder.write("empty.png", "");
    folder.write("text.png", "no picture");
    std::string huge = whole;
    huge[16] = '\x7f';  // the width in the PNG header
    folder.write("huge.png", huge);
    for (const char* name : {"missing.png", "truncated.png", "empty.png", "text.png", "huge.png"}) {
        CAPTURE(name);
        check_refused(
            run_tool_line(std::string("objloc_predict --device cpu --model model.h5 --out boxed ") + name,
                          folder.path()),
            name);
        CHECK(files_in(folder.path() / "boxed") == 0);
    }
    const ToolResult good =
        run_tool_line("objloc_predict --device cpu --model model.h5 good.png", folder.path());
    CHECK(good.exit_code == 0);
    CHECK(good.out.find("good.png: x ") == 0);
}

TEST_CASE("bad sprites and backgrounds") {
    const ScratchFolder folder;
    save_png(folder.file("opaque.png"), grey(40, 40, 3));
    fs::create_directory(folder.path() / "nothing");
    const auto refused = [&](const std::string& flags, const std::string& message) {
        CAPTURE(flags);
        check_refused(run_tool_line(kQuick + "--out run " + flags, folder.path()), message);
        CHECK_FALSE(fs::exists(folder.path() / "run/model.h5"));
    };
    refused("--scene natural --sprite opaque.png", "alpha");
    refused("--scene cat --sprite missing.png", "missing.png");
    refused("--scene natural --backgrounds nothing", "nothing");
    refused("--scene natural --backgrounds missing", "missing");
}

TEST_CASE("an output folder that cannot be, and a disk that is full") {
    const ScratchFolder folder;
    folder.write("file", "in the way");
    check_refused(run_tool_line(kQuick + "--out file", folder.path()), "run folder");
    check_refused(run_tool_line(kQuick + "--out file/run", folder.path()), "run folder");
    check_refused(run_tool_line(kQuick + "--out /proc/run", folder.path()), "run folder");
    // A limit on file sizes stands in for a full disk: the model of 3.7 MB cannot be written, what is smaller
    // can.
    const ToolResult full =
        run_tool_line(kQuick + "--scene blob --out full", folder.path(), "trap '' XFSZ; ulimit -f 1024; ");
    check_refused(full, "model.h5");
    CHECK_FALSE(fs::exists(folder.path() / "full/model.h5"));
    for (const auto& entry : fs::directory_iterator(folder.path() / "full")) {
        CHECK(entry.path().filename().string().find("model") == std::string::npos);  // no half of it either
    }
}

TEST_CASE("more memory than there is: the answer names a batch that fits") {
    const ScratchFolder folder;
    const ToolResult result = run_tool_line(
        "objloc_train --device cpu --model vgg16-slim --weights none --scene blob --side 1024 --batch 65536 "
        "--out run",
        folder.path());
    check_refused(result, "were asked for");
    const size_t at = result.err.find("--batch ", result.err.find("are free"));
    REQUIRE(result.err.find(" would fit") != std::string::npos);
    REQUIRE(at != std::string::npos);
}

TEST_CASE("a training that diverges stops, says at which step, and keeps the last good weights") {
    const ScratchFolder folder;
    const ToolResult result =
        run_tool_line(kQuick + "--scene blob --optimizer sgd --lr 1e30 --out run", folder.path());
    check_refused(result, "not finite at step");
    const Localizer kept = load_model(folder.file("run/model.h5"));
    for (const Parameter& parameter : kept.parameters().all()) {
        for (const float value : parameter.initial) REQUIRE(std::isfinite(value));
    }
}

TEST_SUITE_END();
