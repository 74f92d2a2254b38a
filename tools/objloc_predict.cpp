// objloc_predict: puts a box on pictures with a trained model.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "objloc/generators/drawing.h"
#include "objloc/models/model_file.h"
#include "tools/common/command_line.h"
#include "tools/common/find_objects.h"
#include "tools/common/output_folder.h"
#include "tools/common/pictures.h"
#include "tools/common/predict.h"

namespace {

using namespace objloc;
namespace fs = std::filesystem;

struct PredictOptions {
    std::string model, out;
    std::vector<std::string> images;
    double confidence = -1;  // the model's own
    bool json = false;
    DeviceOptions device;
};

/// What the detect head found, printed as it is found.
void find(Backend& backend, Localizer& localizer, const PredictOptions& options) {
    const double least =
        options.confidence < 0 ? localizer.config().calibration.threshold : options.confidence;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const std::string& path : options.images) {
        Image image = load_image(path);
        nlohmann::ordered_json boxes = nlohmann::ordered_json::array();
        std::string line;
        Image picture = to_rgb(image);
        for (const Detection& at : find_objects(backend, localizer, image)) {
            if (static_cast<double>(at.confidence) < least) break;
            const std::string& name = localizer.config().classes[static_cast<size_t>(at.label)];
            const float fractions[] = {at.x, at.y, at.w, at.h};
            const PixelBox box = pixel_box(fractions, 4, image.width, image.height);
            boxes.push_back({{"x", box.x},
                             {"y", box.y},
                             {"w", box.width},
                             {"h", box.height},
                             {"class", name},
                             {"confidence", at.confidence}});
            line += fmt::format("{}: {} x {} y {} w {} h {} confidence {:.2f}\n", path, name, box.x, box.y,
                                box.width, box.height, at.confidence);
            draw_box(picture, box, kPredictedColour, std::max(2, std::min(image.width, image.height) / 160));
        }
        if (line.empty()) line = path + ": nothing found\n";
        if (!options.out.empty())
            save_png(options.out + "/" + fs::path(path).filename().string() + ".box.png", picture);
        if (!options.json) fmt::print("{}", line);
        list.push_back({{"image", path}, {"boxes", boxes}});
    }
    if (options.json) fmt::print("{}\n", list.dump(2));
}

struct Prediction {
    std::string image, picture;    // the input file, and where it was drawn with its box, or ""
    std::vector<float> fractions;  // the model's outputs
    PixelBox box;
};

/// DIR/NAME.box.png, NAME being the picture's own with its ending, so that cat.png and cat.jpg do not
/// collide.
std::string draw(const std::string& folder, const std::string& path, const Image& image,
                 const PixelBox& box) {
    Image picture = to_rgb(image);
    draw_box(picture, box, kPredictedColour, std::max(2, std::min(image.width, image.height) / 160));
    const std::string target = folder + "/" + fs::path(path).filename().string() + ".box.png";
    save_png(target, picture);
    return target;
}

void print(const std::vector<Prediction>& predictions, bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Prediction& at : predictions) {
        const PixelBox& box = at.box;
        if (json) {
            nlohmann::ordered_json row = {
                {"image", at.image}, {"x", box.x}, {"y", box.y}, {"w", box.width}, {"h", box.height}};
            row["fractions"] = at.fractions;
            if (!at.picture.empty()) row["picture"] = at.picture;
            list.push_back(row);
        } else {
            fmt::print("{}: x {} y {} w {} h {}{}\n", at.image, box.x, box.y, box.width, box.height,
                       at.picture.empty() ? "" : "  -> " + at.picture);
        }
    }
    if (json) fmt::print("{}\n", list.dump(2));
}

void run(const PredictOptions& options) {
    Localizer localizer = load_model(options.model);
    const std::unique_ptr<Backend> backend = options.device.make();
    localizer.parameters().to_device(*backend);
    if (!options.out.empty()) make_output_folder(options.out);
    if (localizer.config().head == HeadForm::detect) return find(*backend, localizer, options);
    std::vector<Prediction> predictions;
    for (const std::string& path : options.images) {
        const Image image = load_image(path);
        const std::vector<float> fractions = predict_picture(*backend, localizer, image);
        const PixelBox box =
            pixel_box(fractions.data(), localizer.config().outputs(), image.width, image.height);
        const std::string picture = options.out.empty() ? "" : draw(options.out, path, image, box);
        predictions.push_back({path, picture, fractions, box});
    }
    print(predictions, options.json);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Puts a box on pictures. Train a model first (objloc_train), then:\n\n"
        "    objloc_predict --model runs/natural/model.h5 photo.jpg             prints x y w h in pixels\n"
        "    objloc_predict --model runs/natural/model.h5 *.png --out boxed/    draws the boxes too\n",
        "objloc_predict");
    PredictOptions options;
    app.add_option("--model", options.model, "the model.h5 of a run folder; it says all about the model")
        ->required();
    app.add_option("images", options.images, "PNG or JPEG files of any size")->required();
    app.add_option("--out", options.out, "folder for the pictures with their boxes drawn");
    app.add_flag("--json", options.json, "print a JSON array instead of lines");
    app.add_option(
           "--confidence", options.confidence,
           "models of the detect head: boxes below are not shown (default: what the model was calibrated to)")
        ->check(CLI::Range(0.0, 1.0));
    options.device.add_to(app);
    return run_tool(app, argc, argv, [&] { run(options); });
}
