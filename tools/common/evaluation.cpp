#include "tools/common/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/box_loss.h"

namespace objloc {
namespace {

using Box = std::array<double, 4>;  // x, y, width, height

double iou(const Box& a, const Box& b) {
    const double width = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
    const double height = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
    if (width <= 0 || height <= 0) return 0;
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height);
}

std::vector<Box> rectangles(const std::vector<float>& boxes, int outputs) {
    std::vector<Box> list;
    for (size_t at = 0; at < boxes.size(); at += static_cast<size_t>(outputs)) {
        list.push_back(
            {boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + static_cast<size_t>(outputs) - 1]});
    }
    return list;
}

double mean_iou(const Box& constant, const std::vector<Box>& boxes) {
    double sum = 0;
    for (const Box& box : boxes) sum += iou(constant, box);
    return sum / static_cast<double>(boxes.size());
}

Box median_box(const std::vector<Box>& boxes) {
    Box median{};
    std::vector<double> values(boxes.size());
    for (size_t side = 0; side < median.size(); ++side) {
        std::transform(boxes.begin(), boxes.end(), values.begin(), [&](const Box& box) { return box[side]; });
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        median[side] = *middle;
    }
    return median;
}

}  // namespace

double best_constant_iou(const std::vector<float>& boxes, int outputs) {
    const std::vector<Box> truth = rectangles(boxes, outputs);
    if (truth.empty()) return 0;
    Box best = median_box(truth);
    double best_iou = mean_iou(best, truth);
    for (double step = 0.1; step > 0.002;) {
        bool improved = false;
        for (size_t side = 0; side < best.size(); ++side) {
            for (const double move : {-step, step}) {
                Box tried = best;
                tried[side] += move;
                if (const double tried_iou = mean_iou(tried, truth); tried_iou > best_iou) {
                    best = tried, best_iou = tried_iou, improved = true;
                }
            }
        }
        if (!improved) step /= 2;
    }
    return best_iou;
}

std::vector<float> predict_boxes(Backend& backend, Localizer& localizer, const Tensor& images) {
    Tape tape(backend, /*recording=*/false);
    const Tensor boxes = localizer.predict(tape, tape.constant(images)).boxes.value();
    std::vector<float> host(static_cast<size_t>(boxes.count()));
    backend.download(boxes, host.data());
    return host;
}

Evaluation evaluate(Backend& backend, Localizer& localizer, SceneGenerator& scenes, int64_t count,
                    int64_t batch) {
    const int64_t side = localizer.config().side;
    const int outputs = localizer.config().outputs();
    BoxMeter meter(backend);
    std::vector<float> truth;
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
        truth.resize(truth.size() + static_cast<size_t>(n * outputs));
        backend.download(boxes, truth.data() + done * outputs);
        done += n;
    }
    return {meter.read(), best_constant_iou(truth, outputs), side};
}

std::string Evaluation::text() const {
    const double pixels = static_cast<double>(side);
    return fmt::format(
        "Held-out scenes          {}\n"
        "Mean IoU                 {:.4f}\n"
        "Share with IoU >= 0.50   {:.4f}\n"
        "Share with IoU >= 0.75   {:.4f}\n"
        "Centre error             {:.2f} pixels\n"
        "Size error               {:.2f} pixels\n"
        "Loss above its floor     {:.5f}\n"
        "Best constant box's IoU  {:.4f}\n",
        report.images, report.iou, report.over_50, report.over_75, report.centre_error * pixels,
        report.size_error * pixels, report.loss - report.floor, constant_iou);
}

}  // namespace objloc
