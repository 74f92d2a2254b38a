#include "tools/common/compositions.h"

#include <algorithm>
#include <cmath>

#include "tools/common/pictures.h"

namespace objloc {
namespace {

constexpr float kLeastConfidence = 0.01f;  // for scores: what is below ranks last in any case
constexpr float kShownConfidence = 0.3f;   // in sheets
constexpr int64_t kColumns = 8, kRows = 5;
constexpr int kEnlargement = 2;

struct Batch {
    Tensor images;
    std::vector<float> truth;
};

Batch drawn(Backend& backend, CompositionGenerator& scenes, int64_t count) {
    const int64_t side = scenes.spec().side;
    Batch batch;
    batch.images = backend.allocate({count, side, side, 3});
    const Tensor truth = backend.allocate({count, kMaxObjects, kTruthFields});
    scenes.draw(batch.images, truth);
    batch.truth.resize(static_cast<size_t>(truth.count()));
    backend.download(truth, batch.truth.data());
    return batch;
}

DetectionExample example_of(const float* truth, std::vector<Detection> found) {
    DetectionExample example;
    for (int32_t o = 0; o < kMaxObjects; ++o) {
        const float* row = truth + o * kTruthFields;
        const Detection object = {row[0], row[1], row[2], row[3], static_cast<int64_t>(row[4]), 1};
        if (row[5] == kObjectPresent) example.truth.push_back(object);
        if (row[5] == kObjectIgnored) example.ignored.push_back(object);
    }
    example.found = std::move(found);
    return example;
}

void mark(Image& image, const std::vector<Detection>& boxes, const Colour& colour) {
    for (const Detection& at : boxes) {
        const float box[] = {at.x, at.y, at.w, at.h};
        draw_box(image, pixel_box(box, 4, image.width, image.height), colour, 2);
    }
}

Image image_of(const CompositionSpec& spec, const std::vector<float>& values, int64_t n) {
    Image image(spec.side, spec.side, 3);
    const float* from = values.data() + n * static_cast<int64_t>(image.pixels.size());
    for (size_t at = 0; at < image.pixels.size(); at += 3) {
        for (int32_t c = 0; c < 3; ++c) {
            const auto source = static_cast<size_t>(source_channel(spec.preprocess, c));
            image.pixels[at + source] = network_byte(spec.preprocess, from[at + static_cast<size_t>(c)], c);
        }
    }
    return image;
}

void write_sheet(const std::string& path, Backend& backend, CompositionGenerator& scenes,
                 Localizer* localizer) {
    scenes.seek(0);
    const Batch batch = drawn(backend, scenes, kColumns * kRows);
    std::vector<float> values(static_cast<size_t>(batch.images.count()));
    backend.download(batch.images, values.data());
    std::vector<std::vector<Detection>> found(kColumns * kRows);
    if (localizer != nullptr) found = detect(backend, *localizer, batch.images);
    std::vector<Image> sheet;
    for (int64_t n = 0; n < kColumns * kRows; ++n) {
        Image image = enlarge(image_of(scenes.spec(), values, n), kEnlargement);
        const auto i = static_cast<size_t>(n);
        DetectionExample example = example_of(batch.truth.data() + n * kMaxObjects * kTruthFields, found[i]);
        std::erase_if(example.found, [](const Detection& at) { return at.confidence < kShownConfidence; });
        mark(image, example.truth, kTruthColour);
        mark(image, example.found, kPredictedColour);
        sheet.push_back(std::move(image));
    }
    save_png(path, image_sheet(sheet, kColumns));
}

}  // namespace

CompositionSpec composition_spec(const LocalizerConfig& config, uint64_t seed, uint32_t stream,
                                 double strength) {
    CompositionSpec spec;
    spec.side = static_cast<int32_t>(config.side);
    spec.seed = seed;
    spec.stream = stream;
    spec.preprocess = config.preprocess;
    spec.strength = static_cast<float>(strength);
    return spec;
}

std::vector<std::vector<Detection>> detect(Backend& backend, Localizer& localizer, const Tensor& images) {
    Tape tape(backend, /*recording=*/false);
    const Tensor cells = localizer.predict(tape, tape.constant(images)).cells.value();
    std::vector<float> host(static_cast<size_t>(cells.count()));
    backend.download(cells, host.data());
    const DetectionProblem problem = localizer.detection_problem(images.shape()[0]);
    std::vector<std::vector<Detection>> found;
    for (int64_t n = 0; n < problem.N; ++n) {
        found.push_back(
            detections(problem, host.data() + n * problem.cells() * problem.features(), kLeastConfidence));
    }
    return found;
}

std::vector<DetectionExample> composition_examples(Backend& backend, Localizer& localizer,
                                                   CompositionGenerator& scenes, int64_t count,
                                                   int64_t batch) {
    std::vector<DetectionExample> examples;
    scenes.seek(0);
    for (int64_t done = 0; done < count; done += batch) {
        const Batch drawn_now = drawn(backend, scenes, std::min(batch, count - done));
        std::vector<std::vector<Detection>> found = detect(backend, localizer, drawn_now.images);
        for (size_t n = 0; n < found.size(); ++n) {
            const float* truth = drawn_now.truth.data() + n * static_cast<size_t>(kMaxObjects * kTruthFields);
            examples.push_back(example_of(truth, std::move(found[n])));
        }
    }
    return examples;
}

ComposedPicture next_composition(Backend& backend, CompositionGenerator& scenes) {
    const Batch one = drawn(backend, scenes, 1);
    std::vector<float> values(static_cast<size_t>(one.images.count()));
    backend.download(one.images, values.data());
    return {image_of(scenes.spec(), values, 0), example_of(one.truth.data(), {})};
}

void write_composition_sheet(const std::string& path, Backend& backend, CompositionGenerator& scenes) {
    write_sheet(path, backend, scenes, nullptr);
}

void write_detections(const std::string& path, Backend& backend, Localizer& localizer,
                      CompositionGenerator& scenes) {
    write_sheet(path, backend, scenes, &localizer);
}

}  // namespace objloc
