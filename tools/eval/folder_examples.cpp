#include <cmath>
#include <filesystem>

#include "objloc/engine/error.h"
#include "tools/common/predict.h"
#include "tools/eval/box_file.h"
#include "tools/eval/examples.h"

namespace objloc {
namespace {

namespace fs = std::filesystem;

void require_pictures(const std::string& folder, const std::vector<LabelledPicture>& list) {
    std::error_code failure;
    const bool is_folder = fs::is_directory(folder, failure);
    if (!is_folder)
        throw Error(folder, "there is no such folder", "Give --images the folder of the pictures.");
    const bool is_empty = fs::is_empty(folder, failure);
    if (failure) {
        throw Error(folder, "the folder cannot be read: " + failure.message(), "Check its permissions.");
    }
    if (is_empty) throw Error(folder, "the folder is empty", "Put the pictures of --boxes into it.");
    for (const LabelledPicture& labelled : list) {
        if (fs::exists(fs::path(folder) / labelled.file, failure)) continue;
        throw Error(labelled.place, labelled.file + " is not in " + folder,
                    "Add the picture, correct its name, or take the row out.");
    }
}

Example evaluate_picture(Backend& backend, Localizer& localizer, const std::string& path,
                         const LabelledPicture& labelled) {
    const Image picture = load_image(path);
    require_inside(labelled, picture);
    const std::vector<float> fractions = predict_picture(backend, localizer, picture);
    const double width = picture.width, height = picture.height;
    const Box truth = labelled.box;
    const Box predicted = scaled(rectangles(fractions, localizer.config().outputs())[0], width, height);
    const auto side = static_cast<double>(localizer.config().side);
    return {labelled.file,
            picture.width,
            picture.height,
            truth,
            predicted,
            score(predicted, truth),
            std::sqrt(truth.width * side / width * (truth.height * side / height))};
}

}  // namespace

ExampleSet folder_examples(const EvalOptions& options, Backend& backend, Localizer& localizer) {
    const std::vector<LabelledPicture> list = read_box_file(options.boxes);
    require_pictures(options.images, list);
    const auto path_of = [folder = fs::path(options.images)](const std::string& file) {
        return (folder / file).string();
    };
    ExampleSet set;
    set.about = {{"images", options.images}, {"boxes", options.boxes}};
    std::vector<Box> fractions;
    for (const LabelledPicture& labelled : list) {
        set.examples.push_back(evaluate_picture(backend, localizer, path_of(labelled.file), labelled));
        const Example& example = set.examples.back();
        fractions.push_back(scaled(example.truth, 1.0 / example.width, 1.0 / example.height));
    }
    set.constant_iou = best_constant_iou(fractions);
    set.picture = [path_of, list](size_t i) { return to_rgb(load_image(path_of(list[i].file))); };
    return set;
}

}  // namespace objloc
