// objloc_conditions: how a model does under each of many conditions of light, size, pose and camera.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/photographs.h"
#include "objloc/models/model_file.h"
#include "tools/common/command_line.h"
#include "tools/common/find_objects.h"
#include "tools/common/output_folder.h"
#include "tools/common/predict.h"
#include "tools/conditions/suite.h"

namespace {

using namespace objloc;
using namespace objloc::conditions;
namespace fs = std::filesystem;

struct Options {
    std::string model, predictions, rows, save, json, sheet, photograph;
    std::vector<std::string> sprites, places;
    SuiteOptions suite;
    DeviceOptions device;
};

Material material_of(const Options& options) {
    Material material;
    for (const std::string& path : options.sprites) material.objects.push_back(load_image(path));
    if (material.objects.empty())
        material.objects.push_back(decode_image(embedded_sprite().bytes, "the program's own sprite"));
    for (const Image& object : material.objects) {
        if (object.channels != 4)
            throw Error("--sprite", "a picture has no transparency", "Cut the object out first.");
    }
    material.places = load_photographs(options.places, /*held_out=*/true).images;
    return material;
}

std::vector<Row> chosen_rows(const Options& options) {
    std::vector<Row> rows;
    const std::regex wanted(options.rows.empty() ? ".*" : options.rows);
    for (const Row& row : all_rows()) {
        const bool possible = row.kind != RowKind::photograph || !options.photograph.empty();
        if (possible && std::regex_search(row.name, wanted)) rows.push_back(row);
    }
    if (rows.empty()) throw Error("--rows", "no condition has a name like \"" + options.rows + "\"");
    return rows;
}

nlohmann::json boxes_json(const std::vector<Detection>& boxes) {
    nlohmann::json list = nlohmann::json::array();
    for (const Detection& at : boxes) list.push_back({at.x, at.y, at.w, at.h, at.confidence, at.label});
    return list;
}

/// The pictures as files, for another program to look at, and their true boxes.
void save_pictures(const std::string& folder, const std::vector<Row>& rows, const Material& material,
                   const SuiteOptions& options) {
    nlohmann::ordered_json truth;
    for (const Row& row : rows) {
        make_output_folder(folder + "/" + file_name(row));
        const std::vector<Picture> pictures = row_pictures(material, row, options);
        for (size_t i = 0; i < pictures.size(); ++i) {
            const std::string name = fmt::format("{}/{:03}.png", file_name(row), i);
            save_png(folder + "/" + name, pictures[i].image);
            truth[name] = boxes_json(pictures[i].truth);
        }
    }
    write_file_atomically(folder + "/truth.json", truth.dump(1) + "\n");
    fmt::print("{} conditions of {} pictures are in {}\n", rows.size(), options.count, folder);
}

/// Another program's boxes: {"square/000.png": [[x, y, w, h, confidence, class], ...], ...}, fractions of the sides.
Finder finder_from_file(const std::string& path) {
    const std::vector<uint8_t> bytes = read_file(path);
    const nlohmann::json json =
        nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) throw Error(path, "this is no JSON object of pictures and their boxes");
    return [json, path](const Row& row, int number, const Image&) {
        const std::string name = fmt::format("{}/{:03}.png", file_name(row), number);
        if (!json.contains(name))
            throw Error(path, "there are no boxes of " + name, "Predict on all that --save wrote.");
        std::vector<Detection> found;
        for (const nlohmann::json& box : json[name]) {
            const auto values = box.get<std::vector<float>>();
            if (values.size() < 5) throw Error(path, name + ": a box needs x, y, w, h, confidence");
            found.push_back({values[0], values[1], values[2], values[3],
                             values.size() > 5 ? static_cast<int64_t>(values[5]) : 0, values[4]});
        }
        return without_overlaps(std::move(found), 1);
    };
}

std::vector<Detection> find_any(Backend& backend, Localizer& localizer, const Image& picture) {
    if (localizer.config().head == HeadForm::detect) return find_objects(backend, localizer, picture);
    // The older heads always give one box; a square one has one length for both sides of a square input.
    const std::vector<float> box = predict_picture(backend, localizer, picture);
    return {{box[0], box[1], box[2], box[box.size() - 1], 0, 1}};
}

void report(const Options& options, const std::vector<RowResult>& results) {
    fmt::print("{}", table(results));
    if (!options.json.empty()) write_file_atomically(options.json, to_json(results, options.suite));
    if (!options.sheet.empty()) save_png(options.sheet, best_and_worst(results));
}

void judge(const Options& options, const std::vector<Row>& rows, const Material& material,
           const Finder& find) {
    std::vector<RowResult> results;
    for (const Row& row : rows) {
        results.push_back(
            judge_row(row, row_pictures(material, row, options.suite), find, options.suite.confidence));
    }
    report(options, results);
}

void run(Options& options) {
    if (!options.photograph.empty()) {
        options.suite.photograph = load_image(options.photograph);
        if (options.suite.photograph_box.size() != 4) {
            throw Error("--photograph", "the place of its object is not known",
                        "Add --photograph-box X,Y,WIDTH,HEIGHT.");
        }
    }
    const std::vector<Row> rows = chosen_rows(options);
    const Material material = material_of(options);
    if (!options.save.empty()) save_pictures(options.save, rows, material, options.suite);
    if (!options.predictions.empty() && options.suite.confidence < 0) options.suite.confidence = 0.5;
    if (!options.predictions.empty())
        return judge(options, rows, material, finder_from_file(options.predictions));
    if (options.model.empty()) {
        if (options.save.empty())
            throw Error("objloc_conditions", "nothing to judge", "Add --model, --predictions or --save.");
        return;
    }
    Localizer localizer = load_model(options.model);
    const std::unique_ptr<Backend> backend = options.device.make();
    localizer.parameters().to_device(*backend);
    if (options.suite.confidence < 0) options.suite.confidence = localizer.config().calibration.threshold;
    judge(options, rows, material,
          [&](const Row&, int, const Image& picture) { return find_any(*backend, localizer, picture); });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Judges a model under many conditions: sizes, shapes of picture, light, colour, camera, hidden and "
        "missing\n"
        "objects. Prints one line a condition.\n\n"
        "    objloc_conditions --model runs/cat/model.h5\n"
        "    objloc_conditions --model runs/mug/model.h5 --sprite mug.png --places photos/ --sheet "
        "sheet.png\n"
        "    objloc_conditions --save set/                          the pictures, for another program\n"
        "    objloc_conditions --predictions boxes.json             and its boxes, in the same table\n",
        "objloc_conditions");
    Options options;
    app.add_option("--model", options.model, "the model.h5 of a run folder");
    app.add_option("--predictions", options.predictions,
                   "JSON: each picture of --save and its boxes, in place of a model");
    app.add_option("--sprite", options.sprites, "the objects, PNG files with transparency; default: the cat");
    app.add_option("--places", options.places,
                   "photographs and folders; default: the program's own that no training sees");
    app.add_option("--photograph", options.photograph,
                   "a photograph of the object, for the row \"untouched photograph\"");
    app.add_option("--photograph-box", options.suite.photograph_box,
                   "the object in it: X,Y,WIDTH,HEIGHT in pixels")
        ->delimiter(',');
    app.add_option("--count", options.suite.count, "pictures a condition")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--seed", options.suite.seed, "of the pictures")->capture_default_str();
    app.add_option("--confidence", options.suite.confidence,
                   "from which a box counts as found (default: the model's threshold; of --predictions 0.5)")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--rows", options.rows, "a regular expression: only conditions with such a name");
    app.add_option("--save", options.save, "folder for the pictures and their true boxes");
    app.add_option("--json", options.json, "file for the figures");
    app.add_option("--sheet", options.sheet, "PNG file for the best and the worst pictures");
    options.device.add_to(app);
    return run_tool(app, argc, argv, [&] { run(options); });
}
