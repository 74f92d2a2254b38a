// objloc_eval: figures against those worked out by hand and against the backend's own metrics, the pictures
// it leaves, and a clear message for every bad input.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "objloc/kernels/backends.h"
#include "objloc/models/model_file.h"
#include "tests/tools/tool.h"
#include "tools/common/evaluation.h"
#include "tools/eval/report.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;
using doctest::Approx;

LocalizerConfig tiny_config() {
    LocalizerConfig config;
    config.width = 0.0625;
    config.side = 32;
    return config;
}

/// A model that predicts the box (x, y, size) for every picture: its head knows biases alone.
Localizer constant_model(const std::vector<float>& box) {
    Localizer localizer(tiny_config(), 1);
    for (float& weight : localizer.parameters().find("dense/kernel").initial) weight = 0;
    std::vector<float>& bias = localizer.parameters().find("dense/bias").initial;
    for (size_t i = 0; i < box.size(); ++i) bias[i] = std::log(box[i] / (1 - box[i]));
    return localizer;
}

Image grey(int width, int height) {
    Image image(width, height, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{128});
    return image;
}

/// model.h5, which always predicts (0.25, 0.25, 0.5); photos/ and boxes.csv.
void write_labelled_folder(const ScratchFolder& folder) {
    save_model(folder.file("model.h5"), constant_model({0.25f, 0.25f, 0.5f}));
    fs::create_directory(folder.path() / "photos");
    save_png(folder.file("photos/a.png"), grey(80, 40));
    save_png(folder.file("photos/b.png"), grey(40, 40));
    save_png(folder.file("photos/c.png"), grey(64, 64));
    folder.write("boxes.csv",
                 "file,x,y,width,height\n"
                 "a.png,20,10,40,20\n"    // predicted to the pixel
                 "b.png,20,10,20,20\n"    // predicted 10 pixels too far left: IoU 200 / 600
                 "c.png,16,16,16,16\n");  // predicted twice as large: IoU 256 / 1024
}

const std::string kFolderLine =
    "objloc_eval --device cpu --model model.h5 --images photos --boxes boxes.csv ";

void check_refused(const ToolResult& result, const std::string& message) {
    CAPTURE(result.out);
    CAPTURE(result.err);
    INFO("looking for: " << message);
    CHECK(result.exit_code != 0);
    CHECK(result.exit_code != -1);  // refused, not crashed
    CHECK(result.out.empty());
    CHECK(result.err.find(message) != std::string::npos);
    CHECK(result.err.find("should not happen") == std::string::npos);
}

bool has_colour(const Image& image, int x, int y, const std::vector<uint8_t>& colour) {
    return std::equal(colour.begin(), colour.end(), image.at(x, y));
}

}  // namespace

TEST_CASE("scores of boxes known by hand, and their summary") {
    const Box truth{10, 20, 40, 20};
    const BoxScore exact = score(truth, truth);
    CHECK(exact.iou == 1);
    CHECK(exact.centre_error == 0);
    CHECK(exact.size_error == 0);
    const BoxScore moved = score({13, 24, 40, 20}, truth);  // shares 37 x 16 of 2 x 800
    CHECK(moved.iou == Approx(592.0 / (1600 - 592)));
    CHECK(moved.centre_error == Approx(5));
    CHECK(moved.size_error == 0);
    const BoxScore grown = score({10, 20, 50, 26}, truth);
    CHECK(grown.iou == Approx(800.0 / 1300));
    CHECK(grown.centre_error == Approx(std::hypot(5, 3)));
    CHECK(grown.size_error == Approx(8));
    for (const Box& apart : {Box{50, 20, 40, 20}, Box{10, 40, 40, 20}, Box{10, 20, 0, 20}})
        CHECK(score(apart, truth).iou == 0);

    const ScoreSummary mean = summarize({{0.5, 1, 2}, {0.75, 2, 4}, {0.9, 3, 6}, {0.25, 6, 0}});
    CHECK(mean.count == 4);
    CHECK(mean.iou == Approx(0.6));
    CHECK(mean.over_50 == 0.75);
    CHECK(mean.over_75 == 0.5);
    CHECK(mean.over_90 == 0.25);
    CHECK(mean.centre_error == 3);
    CHECK(mean.size_error == 3);
    CHECK(summarize({}).iou == 0);
}

TEST_CASE("each side falls into one bin, and a bin begins at its lower edge") {
    ExampleSet set;
    for (const double side : {0.5, 11.9, 12.0, 15.9, 16.0, 31.9, 32.0, 47.9, 48.0, 63.9, 64.0, 900.0}) {
        set.examples.push_back({"", 1, 1, {}, {}, {side / 1000, 0, 0}, side});
    }
    const EvalReport report = make_report("model.h5", set);
    std::vector<int64_t> counts;
    for (const SizeBin& bin : report.sizes) counts.push_back(bin.summary.count);
    CHECK(counts == std::vector<int64_t>{2, 2, 1, 1, 2, 2, 2});
    CHECK(report.sizes[0].summary.iou == Approx((0.5 + 11.9) / 2000));
    CHECK(report.sizes.back().summary.iou == Approx(0.482));
    CHECK(report.sizes[0].text() == "below 12");
    CHECK(report.sizes[1].text() == "12 to 16");
    CHECK(report.sizes.back().text() == "64 and above");
    CHECK(report.worst.front() == 0);
    CHECK(report.best.front() == 11);
}

TEST_CASE("a folder of pictures: figures worked out by hand") {
    const ScratchFolder folder;
    write_labelled_folder(folder);
    const ToolResult result = run_tool_line(kFolderLine + "--json --out eval", folder.path());
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(result.err.empty());
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json["model"] == "model.h5");
    CHECK(json["images"] == "photos");
    CHECK(json["count"] == 3);
    CHECK(json["mean_iou"].get<double>() == Approx((1 + 1.0 / 3 + 0.25) / 3));
    CHECK(json["iou_over_50"].get<double>() == Approx(1.0 / 3));
    CHECK(json["iou_over_90"].get<double>() == Approx(1.0 / 3));
    CHECK(json["centre_error_pixels"].get<double>() == Approx((10 + std::sqrt(128.0)) / 3));
    CHECK(json["size_error_pixels"].get<double>() == Approx(16.0 / 3));
    const std::vector<Box> fractions = {
        {0.25, 0.25, 0.5, 0.5}, {0.5, 0.25, 0.5, 0.5}, {0.25, 0.25, 0.25, 0.25}};
    CHECK(json["constant_box_iou"].get<double>() == Approx(best_constant_iou(fractions)));

    // On the network's 32 pixels a and b are 16 wide and high, c is 8.
    const auto& sizes = json["by_size"];
    REQUIRE(sizes.size() == 7);
    CHECK(sizes[0]["count"] == 1);
    CHECK(sizes[0]["mean_iou"].get<double>() == Approx(0.25));
    CHECK(sizes[1]["count"] == 0);
    CHECK_FALSE(sizes[1].contains("mean_iou"));
    CHECK(sizes[2]["from"] == 16);
    CHECK(sizes[2]["below"] == 24);
    CHECK(sizes[2]["count"] == 2);
    CHECK(sizes[2]["mean_iou"].get<double>() == Approx(2.0 / 3));
    CHECK(sizes[2]["iou_over_75"].get<double>() == 0.5);
    CHECK_FALSE(sizes[6].contains("below"));

    CHECK(json["worst"][0]["name"] == "c.png");
    CHECK(json["worst"][0]["iou"].get<double>() == Approx(0.25));
    CHECK(json["worst"][2]["name"] == "a.png");
    CHECK(json["best"][0]["name"] == "a.png");
    CHECK(json["best"][1]["truth"]["x"] == 20);
    CHECK(json["best"][1]["predicted"]["x"].get<double>() == Approx(10));
    CHECK(nlohmann::json::parse(contents(folder.path() / "eval/eval.json")) == json);
}

TEST_CASE("the sheets show truth in white and the prediction in green, best and worst first") {
    const ScratchFolder folder;
    write_labelled_folder(folder);
    const ToolResult result = run_tool_line(kFolderLine + "--out deep/eval", folder.path());
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(result.out.find("Mean IoU                 0.5278\n") != std::string::npos);
    CHECK(result.out.find("16 to 24             2      0.6667        0.5000\n") != std::string::npos);
    CHECK(result.out.find("IoU 0.3333  b.png\n") != std::string::npos);
    const Image best = load_image(folder.file("deep/eval/best.png"));
    const Image worst = load_image(folder.file("deep/eval/worst.png"));
    // Three tiles of 256 pixels, 2 pixels apart. In `best` b.png, 6.4 times enlarged, is the second.
    CHECK(best.width == 2 + 3 * 258);
    CHECK(best.height == 260);
    const int tile = 2 + 258;
    const std::vector<uint8_t> white = {255, 255, 255}, green = {60, 255, 60}, plain = {128, 128, 128};
    CHECK(has_colour(best, tile + 255, 2 + 128, white));  // the true box ends at the right border
    CHECK(has_colour(best, tile + 64, 2 + 128, green));   // the predicted one begins at a quarter
    CHECK(has_colour(best, tile + 10, 2 + 128, plain));
    // a.png is twice as wide as high: black above it, and a prediction on top of the truth.
    CHECK(has_colour(best, 2 + 128, 2 + 20, {0, 0, 0}));
    CHECK(has_colour(best, 2 + 64, 2 + 128, green));
    // In `worst` c.png is the first, 4 times enlarged: the truth ends at half of it.
    CHECK(has_colour(worst, 2 + 127, 2 + 100, white));
    CHECK(has_colour(worst, 2 + 191, 2 + 100, green));
}

TEST_CASE("scenes: the same figures as the backend's own metrics, on backgrounds never trained on") {
    const ScratchFolder folder;
    const auto backend = builtin_backends().make("cpu", {});  // as the tool below
    for (const Preprocess preprocess : {Preprocess::unit, Preprocess::caffe}) {
        LocalizerConfig config = tiny_config();
        config.preprocess = preprocess;
        config.box = preprocess == Preprocess::unit ? BoxForm::square : BoxForm::rect;
        Localizer localizer(config, 3);
        save_model(folder.file("model.h5"), localizer);
        localizer.parameters().to_device(*backend);
        for (const SceneKind kind : {SceneKind::blob, SceneKind::natural}) {
            CAPTURE(name_of(kind));
            SceneGenerator scenes(*backend, scene_spec(kind, config, 123, kHeldOutStream),
                                  {.sprite = "", .backgrounds = {}, .held_out = true});
            const BoxReport report = evaluate(*backend, localizer, scenes, 40, 16).report;
            const ToolResult result = run_tool_line(
                "objloc_eval --device cpu --model model.h5 --seed 123 --count 40 --batch 16 "
                "--json --scene " +
                    std::string(name_of(kind)),
                folder.path());
            CAPTURE(result.err);
            REQUIRE(result.exit_code == 0);
            const auto json = nlohmann::json::parse(result.out);
            CHECK(json["count"] == report.images);
            CHECK(json["mean_iou"].get<double>() == Approx(report.iou).epsilon(1e-5));
            CHECK(json["iou_over_50"].get<double>() == Approx(report.over_50));
            CHECK(json["iou_over_75"].get<double>() == Approx(report.over_75));
            CHECK(json["centre_error_pixels"].get<double>() ==
                  Approx(32 * report.centre_error).epsilon(1e-5));
            CHECK(json["size_error_pixels"].get<double>() == Approx(32 * report.size_error).epsilon(1e-5));
            const std::string backgrounds = json.value("backgrounds", "");
            CHECK((backgrounds.find("brick_wall.jpg") != std::string::npos) == (kind == SceneKind::natural));
            double iou_sum = 0;
            for (const auto& bin : json["by_size"])
                iou_sum += bin["count"].get<double>() * bin.value("mean_iou", 0.0);
            CHECK(iou_sum / 40 == Approx(json["mean_iou"].get<double>()));
            CHECK(json["worst"].size() == 16);
            CHECK(json["worst"][0]["iou"] <= json["worst"][15]["iou"]);
            CHECK(json["worst"][15]["iou"] <= json["best"][15]["iou"]);
            CHECK(json["best"][15]["iou"] <= json["best"][0]["iou"]);
        }
    }
}

TEST_CASE("equal seeds give equal scenes, others do not, and one's own sprite and photographs are used") {
    const ScratchFolder folder;
    save_model(folder.file("model.h5"), constant_model({0.25f, 0.25f, 0.5f}));
    const auto run = [&](const std::string& flags) {
        const ToolResult result = run_tool_line(
            "objloc_eval --device cpu --model model.h5 --count 20 --json " + flags, folder.path());
        CAPTURE(result.err);
        REQUIRE(result.exit_code == 0);
        return nlohmann::json::parse(result.out);
    };
    const auto natural = run("--seed 7");
    CHECK(natural == run("--seed 7 --scene natural --batch 3"));
    CHECK(natural["mean_iou"] != run("--seed 8")["mean_iou"]);

    Image sprite(30, 30, 4);
    std::fill(sprite.pixels.begin(), sprite.pixels.end(), uint8_t{255});
    save_png(folder.file("square.png"), sprite);
    fs::create_directory(folder.path() / "photos");
    save_png(folder.file("photos/grey.png"), grey(50, 40));
    folder.write("photos/notes.txt", "about them");
    const auto own = run("--seed 7 --sprite square.png --backgrounds photos --out eval");
    CHECK(own["sprite"] == "square.png");
    CHECK(own["backgrounds"] == "photos");
    CHECK(own["skipped_files"][0] == "photos/notes.txt");
    const Image worst = load_image(folder.file("eval/worst.png"));
    CHECK(has_colour(worst, 4, 4, {128, 128, 128}));
}

TEST_CASE("--help says what to type; bad flags") {
    const ScratchFolder folder;
    const ToolResult help = run_tool_line("objloc_eval --help", folder.path());
    CHECK(help.exit_code == 0);
    CHECK(help.out.substr(0, 200).find("    objloc_eval --model runs/natural/model.h5") != std::string::npos);

    write_labelled_folder(folder);
    const auto refused = [&](const std::string& flags, const std::string& message) {
        CAPTURE(flags);
        check_refused(run_tool_line("objloc_eval --device cpu " + flags, folder.path()), message);
        CHECK_FALSE(fs::exists(folder.path() / "eval"));
    };
    refused("", "--model");
    refused("--model model.h5 --images photos", "--boxes");
    refused("--model model.h5 --boxes boxes.csv", "--images");
    refused("--model model.h5 --images photos --boxes boxes.csv --scene blob", "--scene");
    refused("--model model.h5 --images photos --boxes boxes.csv --seed 1", "--seed");
    refused("--model model.h5 --scene dog", "dog");
    refused("--model model.h5 --count 0", "--count");
    refused("--model model.h5 --scene blob --sprite a.png --out eval", "--sprite");
    refused("--model model.h5 --scene cat --backgrounds photos --out eval", "--backgrounds");
    refused("--model model.h5 --sprite photos/a.png --count 4", "alpha");
    refused("--model model.h5 --backgrounds nowhere --count 4", "nowhere");
}

TEST_CASE("bad models, folders, box files and pictures; nothing is half written") {
    const ScratchFolder folder;
    write_labelled_folder(folder);
    const std::string header = "file,x,y,width,height\n";
    const auto refused = [&](const std::string& flags, const std::string& message) {
        CAPTURE(flags);
        check_refused(run_tool_line("objloc_eval --device cpu --out eval " + flags, folder.path()), message);
        CHECK((!fs::exists(folder.path() / "eval") || fs::is_empty(folder.path() / "eval")));
    };
    refused("--model missing.h5", "missing.h5");
    folder.write("text.h5", "this is no HDF5 file");
    refused("--model text.h5", "text.h5");
    refused("--model photos", "photos");
    Localizer damaged = constant_model({0.25f, 0.25f, 0.5f});
    damaged.parameters().find("dense/bias").initial[1] = std::numeric_limits<float>::quiet_NaN();
    save_model(folder.file("nan.h5"), damaged);
    refused("--model nan.h5 --scene blob --count 4", "not finite");
    // Finite weights, and infinity times zero in the head.
    Localizer huge = constant_model({0.25f, 0.25f, 0.5f});
    for (float& value : huge.parameters().find("block5_conv2/bias").initial) value = 3e38f;
    for (float& value : huge.parameters().find("block5_conv3/kernel").initial) value = 10;
    save_model(folder.file("huge.h5"), huge);
    refused("--model huge.h5 --cpu-conv direct --scene blob --count 4",
            "that it predicts for scene 0 is not");

    const auto refused_boxes = [&](const std::string& rows, const std::string& message) {
        folder.write("bad.csv", header + rows);
        refused("--model model.h5 --images photos --boxes bad.csv", message);
    };
    refused("--model model.h5 --images photos --boxes missing.csv", "missing.csv");
    refused_boxes("a.png,1,2,3\n", "bad.csv line 2: 4 fields");
    refused_boxes("a.png,1,2,3,4\nmissing.png,1,2,3,4\n", "bad.csv line 3: missing.png is not in photos");
    refused_boxes("a.png,50,2,31,4\n",
                  "bad.csv line 2: the box from (50, 2) to (81, 6) reaches outside a.png");
    refused_boxes("a.png,1,2,0,4\n", "bad.csv line 2: a box of 0 x 4 pixels has no area");
    refused_boxes("a.png,1,2,3,4\na.png,1,2,3,4\n", "bad.csv line 3: a.png has a box already");
    folder.write("photos/cut.png", contents(folder.path() / "photos/a.png").substr(0, 60));
    refused_boxes("cut.png,1,2,3,4\n", "cut.png");
    fs::create_directory(folder.path() / "nothing");
    refused("--model model.h5 --images nothing --boxes boxes.csv", "nothing: the folder is empty");
    refused("--model model.h5 --images nowhere --boxes boxes.csv", "nowhere: there is no such folder");
    refused("--model model.h5 --images boxes.csv --boxes boxes.csv", "there is no such folder");

    folder.write("file", "in the way");
    check_refused(run_tool_line(kFolderLine + "--out file", folder.path()), "cannot be made");
    check_refused(run_tool_line(kFolderLine + "--out file/eval", folder.path()), "cannot be made");
    // A limit on file sizes stands in for a full disk.
    check_refused(run_tool_line("objloc_eval --device cpu --model model.h5 --count 20 --out full",
                                folder.path(), "trap '' XFSZ; ulimit -f 4; "),
                  "worst.png");
    CHECK(fs::is_empty(folder.path() / "full"));
}

}  // namespace objloc
