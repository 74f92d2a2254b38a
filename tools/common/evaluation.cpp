#include "tools/common/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "objloc/models/box_loss.h"

namespace objloc {
namespace {

std::vector<Box> pixel_boxes(const std::vector<float>& fractions, int outputs, int64_t side) {
    std::vector<Box> boxes = rectangles(fractions, outputs);
    for (Box& box : boxes) box = scaled(box, static_cast<double>(side), static_cast<double>(side));
    return boxes;
}

Box rounded(const Box& box) {
    return {std::round(box.x), std::round(box.y), std::round(box.width), std::round(box.height)};
}

}  // namespace

SceneSpec scene_spec(SceneKind kind, const LocalizerConfig& config, uint64_t seed, uint32_t stream) {
    SceneSpec spec;
    spec.kind = kind;
    spec.side = static_cast<int32_t>(config.side);
    spec.outputs = config.outputs();
    spec.seed = seed;
    spec.stream = stream;
    spec.preprocess = config.preprocess;
    return spec;
}

Evaluation evaluate(Backend& backend, Localizer& localizer, SceneGenerator& scenes, int64_t count,
                    int64_t batch) {
    const int64_t side = localizer.config().side;
    const int outputs = localizer.config().outputs();
    BoxMeter meter(backend);
    std::vector<float> truth, predicted;
    const auto append = [&](const Tensor& batch_boxes, std::vector<float>& list) {
        list.resize(list.size() + static_cast<size_t>(batch_boxes.count()));
        backend.download(batch_boxes, list.data() + list.size() - batch_boxes.count());
    };
    scenes.seek(0);
    for (int64_t done = 0; done < count;) {
        const int64_t n = std::min(batch, count - done);
        const Tensor images = backend.allocate({n, side, side, 3}), boxes = backend.allocate({n, outputs});
        scenes.draw(images, boxes);
        Tape tape(backend, /*recording=*/false);
        const BoxPrediction prediction = localizer.predict(tape, tape.constant(images));
        const Variable loss = box_loss(tape, BoxLoss{}, prediction, tape.constant(boxes));
        // A batch's loss is its mean: `loss` of the report weighs a last, smaller batch as the others.
        meter.add(prediction.boxes.value(), boxes, loss.value());
        append(boxes, truth);
        append(prediction.boxes.value(), predicted);
        done += n;
    }
    Evaluation evaluation;
    evaluation.report = meter.read();
    evaluation.constant_iou = best_constant_iou(rectangles(truth, outputs));
    evaluation.truth = pixel_boxes(truth, outputs, side);
    evaluation.predicted = pixel_boxes(predicted, outputs, side);
    // The boxes of scenes are whole pixels; as fractions in single precision they are only nearly so.
    for (Box& box : evaluation.truth) box = rounded(box);
    for (size_t i = 0; i < evaluation.truth.size(); ++i) {
        evaluation.scores.push_back(score(evaluation.predicted[i], evaluation.truth[i]));
    }
    return evaluation;
}

std::string Evaluation::text() const {
    return fmt::format("Held-out scenes          {}\n", scores.size()) + summarize(scores).text() +
           fmt::format(
               "Loss above its floor     {:.5f}\n"
               "Best constant box's IoU  {:.4f}\n",
               report.loss - report.floor, constant_iou);
}

}  // namespace objloc
