#include "tools/train/detector_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "objloc/generators/photographs.h"
#include "tools/common/compositions.h"
#include "tools/common/find_objects.h"

namespace objloc {
namespace {

constexpr int64_t kCalibrationScale = 4;  // of the input side: pictures that need closer looks
constexpr int64_t kCalibrationPictures = 96;

float surest(const std::vector<Verdict>& verdicts, bool right_ones_only) {
    float most = 0;
    for (const Verdict& at : verdicts) {
        if (at.right || !right_ones_only) most = std::max(most, at.confidence);
    }
    return most;
}

void judge_picture(Backend& backend, Localizer& localizer, const ComposedPicture& picture,
                   std::vector<Verdict>& verdicts, ThresholdEvidence& evidence) {
    DetectionExample example = picture.example;
    example.found = find_objects(backend, localizer, picture.image);
    const std::vector<Verdict> of_picture = verdicts_on({example}, 0.5f);
    verdicts.insert(verdicts.end(), of_picture.begin(), of_picture.end());
    if (!example.truth.empty()) {
        evidence.finds.push_back(surest(of_picture, /*right_ones_only=*/true));
    } else if (example.ignored.empty()) {
        evidence.alarms.push_back(surest(of_picture, /*right_ones_only=*/false));
    }
}

}  // namespace

CompositionSources hold_out(CompositionSources& training) {
    constexpr size_t kFewest = 4, kOneIn = 8;
    CompositionSources held_out = training;
    if (training.places.empty()) {
        held_out.held_out = true;
        return held_out;
    }
    std::vector<std::string> files;
    for (const std::string& path : training.places) {
        const std::vector<std::string> more = picture_files(path);
        files.insert(files.end(), more.begin(), more.end());
    }
    if (files.size() < kFewest) return held_out;
    training.places.clear(), held_out.places.clear();
    for (size_t i = 0; i < files.size(); ++i) {
        const bool is_held_out = i % kOneIn == kOneIn - 1 || (files.size() < kOneIn && i + 1 == files.size());
        (is_held_out ? held_out : training).places.push_back(files[i]);
    }
    return held_out;
}

void calibrate_on(Backend& backend, Localizer& localizer, const CompositionSources& sources, uint64_t seed) {
    localizer.set_calibration({});
    CompositionSpec spec = composition_spec(localizer.config(), seed, kWatchStream, 1);
    spec.side = static_cast<int32_t>(std::min<int64_t>(kCalibrationScale * localizer.config().side, 1024));
    spec.absent = 0.5f;
    CompositionGenerator scenes(backend, spec, sources);
    std::vector<Verdict> verdicts;
    ThresholdEvidence evidence;
    for (int64_t i = 0; i < kCalibrationPictures; ++i) {
        judge_picture(backend, localizer, next_composition(backend, scenes), verdicts, evidence);
    }
    localizer.set_calibration(calibrate(verdicts, evidence));
}

std::string DetectorReport::text() const {
    std::string text =
        over_new_places ? "Over places that training never saw:\n" : "Over the places of training:\n";
    text += held_out.text();
    if (!over_new_places) return text;
    return text + fmt::format("Over the places of training: mean IoU {:.4f}, {:+.4f}\n", trained.iou,
                              trained.iou - held_out.iou);
}

DetectorReport report_on(Backend& backend, Localizer& localizer, const CompositionSources& held_out,
                         const CompositionSources& trained, const TrainOptions& options) {
    const auto scores = [&](const CompositionSources& sources) {
        CompositionGenerator scenes(
            backend,
            composition_spec(localizer.config(), options.seed, kHeldOutStream, options.scene_strength),
            sources);
        return score_detections(
            composition_examples(backend, localizer, scenes, options.held_out, options.batch));
    };
    DetectorReport report;
    report.over_new_places = held_out.places != trained.places || held_out.held_out;
    report.held_out = scores(held_out);
    if (report.over_new_places) report.trained = scores(trained);
    return report;
}

}  // namespace objloc
