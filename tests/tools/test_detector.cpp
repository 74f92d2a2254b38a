// Around the detect head: what is held out, what classes there are, and what an untrained one says of odd pictures.
#include <doctest/doctest.h>

#include "objloc/engine/error.h"
#include "objloc/models/model_file.h"
#include "tests/test_backends.h"
#include "tests/tools/tool.h"
#include "tools/common/find_objects.h"
#include "tools/train/detector_report.h"

namespace objloc {
namespace {

LocalizerConfig small_detector(std::vector<std::string> classes) {
    LocalizerConfig config;
    config.backbone = Backbone::compact;
    config.width = 0.25;
    config.side = 64;
    config.head = HeadForm::detect;
    config.box = BoxForm::rect;
    config.classes = std::move(classes);
    return config;
}

}  // namespace

TEST_CASE("one photograph in eight is held out, where there are four or more") {
    const ScratchFolder folder;
    Image image(8, 8, 3);
    CompositionSources sources;
    for (int i = 0; i < 17; ++i) {
        const std::string path = folder.file("photo" + std::to_string(i) + ".png");
        save_png(path, image);
        sources.places.push_back(path);
    }
    const auto held_out_of = [&](size_t count) {
        CompositionSources training = sources;
        training.places.resize(count);
        const CompositionSources held_out = hold_out(training);
        return std::pair(held_out.places.size(), training.places.size());
    };
    CHECK(held_out_of(17) == std::pair<size_t, size_t>(2, 15));
    CHECK(held_out_of(8) == std::pair<size_t, size_t>(1, 7));
    CHECK(held_out_of(4) == std::pair<size_t, size_t>(1, 3));
    CHECK(held_out_of(3) == std::pair<size_t, size_t>(3, 3));
    CompositionSources own;  // the program's
    CHECK(!own.held_out);
    CHECK(hold_out(own).held_out);
    CompositionSources a_folder;
    a_folder.places = {folder.path().string()};
    CHECK(hold_out(a_folder).places.size() == 2);
}

TEST_CASE("classes come from names and files") {
    const ScratchFolder folder;
    const Image image(4, 4, 4);
    for (const char* name : {"b.png", "a.png"}) save_png(folder.file(name), image);
    folder.write("notes.txt", "no picture");
    const auto pictures = object_pictures(
        {"mug=" + folder.file("b.png"), folder.path().string(), "mug=" + folder.file("a.png")});
    REQUIRE(pictures.size() == 4);
    CHECK(class_names(pictures) == std::vector<std::string>{"mug", "a", "b"});
    CHECK_THROWS_AS(object_pictures({"mug=" + folder.file("nowhere") + "/"}).at(1), std::out_of_range);
}

TEST_CASE("a detect head starts from one of other classes: the backbone and the boxes are taken over") {
    const ScratchFolder folder;
    const auto backend = test_backends().front();
    Localizer many(small_detector({"a", "b", "c"}), 1), one(small_detector({"d"}), 2);
    many.parameters().to_device(*backend);
    const std::string path = folder.file("many.h5");
    save_model(path, many);
    load_weights(one, path);
    for (const Parameter& parameter : one.parameters().all()) {
        CAPTURE(parameter.name);
        const std::vector<float> there = many.parameters().download(many.parameters().find(parameter.name));
        if (Localizer::in_backbone(parameter)) {
            CHECK(parameter.initial == there);
            continue;
        }
        const size_t rows = parameter.initial.size() / 5;
        REQUIRE(there.size() == rows * 7);
        const std::vector<float> fresh =
            Localizer(small_detector({"d"}), 2).parameters().find(parameter.name).initial;
        for (size_t row = 0; row < rows; ++row) {
            CHECK(parameter.initial[row * 5] == fresh[row * 5]);
            for (size_t side = 1; side <= 4; ++side)
                CHECK(parameter.initial[row * 5 + side] == there[row * 7 + 2 + side]);
        }
    }
}

TEST_CASE("find_objects takes pictures of any size and keeps its boxes inside them") {
    const auto backend = test_backends().front();
    Localizer localizer(small_detector({"object"}), 3);
    for (Parameter& parameter : localizer.parameters().all()) {
        // Every cell is half sure of an object.
        if (!Localizer::in_backbone(parameter) && parameter.shape.rank() == 1)
            parameter.initial.assign(5, 0.f);
    }
    localizer.parameters().to_device(*backend);
    for (const auto& [width, height] :
         {std::pair(1, 1), std::pair(1000, 3), std::pair(2, 700), std::pair(300, 200)}) {
        CAPTURE(width);
        Image picture(width, height, 3);
        for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<uint8_t>(i * 37);
        float last = 1;
        const std::vector<Detection> found = find_objects(*backend, localizer, picture);
        CHECK(found.size() > 1);
        for (const Detection& box : found) {
            CHECK(box.x >= 0);
            CHECK(box.y >= 0);
            CHECK(box.x + box.w <= 1.0001f);
            CHECK(box.y + box.h <= 1.0001f);
            CHECK(box.confidence <= last);
            last = box.confidence;
        }
    }
}

TEST_CASE("a model file keeps its classes and its calibration") {
    const ScratchFolder folder;
    const auto backend = test_backends().front();
    Localizer localizer(small_detector({"mug", "cat"}), 3);
    localizer.parameters().to_device(*backend);
    localizer.set_calibration({1.5, -0.25, 0.75});
    save_model(folder.file("model.h5"), localizer);
    const Localizer loaded = load_model(folder.file("model.h5"));
    CHECK(loaded.config().classes == std::vector<std::string>{"mug", "cat"});
    CHECK(loaded.config().calibration.scale == 1.5);
    CHECK(loaded.config().calibration.shift == -0.25);
    CHECK(loaded.config().calibration.threshold == 0.75);
}

}  // namespace objloc
