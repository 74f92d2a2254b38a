#include "objloc/generators/distractors.h"

#include "objloc/generators/patterns.h"

namespace objloc {
namespace {

constexpr uint32_t kDistractorStream = 0x64697374;  // apart from all scenes
constexpr int kSide = 96;

void add_shape(Image& image, PatternDraws& draws, double radius) {
    const double room = kSide / 2.0 - radius, x = draws.between(-room, room), y = draws.between(-room, room);
    const Outline outline(draws, kSide / 2.0 + x, kSide / 2.0 + y, radius);
    const Pattern pattern(draws, 2 * radius);
    paint(image, outline, [&](double across, double down) { return pattern.at(across, down); });
}

Image draw_distractor(uint64_t seed, uint64_t number) {
    PatternDraws draws(seed, kDistractorStream, number);
    Image image(kSide, kSide, 4);
    const double radius = kSide * draws.between(0.35, 0.49);
    add_shape(image, draws, radius);
    for (int parts = draws.below(3); parts > 0; --parts)
        add_shape(image, draws, radius * draws.between(0.3, 0.7));
    return image;
}

}  // namespace

std::vector<Image> draw_distractors(int count, uint64_t seed) {
    std::vector<Image> pictures;
    for (int i = 0; i < count; ++i) pictures.push_back(draw_distractor(seed, static_cast<uint64_t>(i)));
    return pictures;
}

}  // namespace objloc
