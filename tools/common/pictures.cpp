#include "tools/common/pictures.h"

#include <vector>

#include "tools/common/predict.h"

namespace objloc {
namespace {

constexpr int kColumns = 6, kRows = 4, kEnlargement = 2;

/// Scenes on the backend, and copies on the host.
struct Scenes {
    Tensor images;
    std::vector<float> pixels, boxes;
};

Scenes draw_scenes(Backend& backend, SceneGenerator& generator, uint64_t first, int64_t count) {
    const SceneSpec& spec = generator.spec();
    Scenes scenes;
    scenes.images = backend.allocate({count, spec.side, spec.side, 3});
    const Tensor boxes = backend.allocate({count, spec.outputs});
    generator.seek(first);
    generator.draw(scenes.images, boxes);
    scenes.pixels.resize(static_cast<size_t>(scenes.images.count()));
    scenes.boxes.resize(static_cast<size_t>(boxes.count()));
    backend.download(scenes.images, scenes.pixels.data());
    backend.download(boxes, scenes.boxes.data());
    return scenes;
}

/// Image `i` of them as a person sees it.
Image picture(const Scenes& scenes, const SceneSpec& spec, size_t i) {
    Image image(spec.side, spec.side, 3);
    const float* values = scenes.pixels.data() + i * image.pixels.size();
    for (size_t at = 0; at < image.pixels.size(); at += 3) {
        for (int c = 0; c < 3; ++c) {
            image.pixels[at + static_cast<size_t>(source_channel(spec.preprocess, c))] =
                network_byte(spec.preprocess, values[at + static_cast<size_t>(c)], c);
        }
    }
    return image;
}

void mark(Image& image, const std::vector<float>& boxes, size_t i, const SceneSpec& spec,
          const Colour& colour) {
    const float* box = boxes.data() + i * static_cast<size_t>(spec.outputs);
    draw_box(image, pixel_box(box, spec.outputs, image.width, image.height), colour, 2);
}

}  // namespace

Image scene_image(Backend& backend, SceneGenerator& scenes, uint64_t index) {
    return picture(draw_scenes(backend, scenes, index, 1), scenes.spec(), 0);
}

void write_scene_sheet(const std::string& path, Backend& backend, SceneGenerator& generator) {
    const Scenes scenes = draw_scenes(backend, generator, 0, kColumns * kRows);
    std::vector<Image> sheet;
    for (size_t i = 0; i < kColumns * kRows; ++i) {
        sheet.push_back(enlarge(picture(scenes, generator.spec(), i), kEnlargement));
        mark(sheet.back(), scenes.boxes, i, generator.spec(), kPredictedColour);
    }
    save_png(path, image_sheet(sheet, kColumns));
}

void write_predictions(const std::string& path, Backend& backend, Localizer& localizer,
                       SceneGenerator& generator) {
    const Scenes scenes = draw_scenes(backend, generator, 0, kColumns * kRows);
    const std::vector<float> predicted = predict_boxes(backend, localizer, scenes.images);
    std::vector<Image> sheet;
    for (size_t i = 0; i < kColumns * kRows; ++i) {
        sheet.push_back(enlarge(picture(scenes, generator.spec(), i), kEnlargement));
        mark(sheet.back(), scenes.boxes, i, generator.spec(), kTruthColour);
        mark(sheet.back(), predicted, i, generator.spec(), kPredictedColour);
    }
    save_png(path, image_sheet(sheet, kColumns));
}

}  // namespace objloc
