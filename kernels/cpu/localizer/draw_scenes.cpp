// Scenes and their boxes, as kernels/localizer/scene.h defines them. images (N, side, side, 3), boxes (N, outputs).
// A thread draws whole images, so the object is placed once for each: the background's bytes are copied, the
// object's square goes through scene_pixel, and one pass makes bytes what the network sees.
#include <algorithm>
#include <cstring>
#include <vector>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

// A true division, as on every backend: multiplying by 1/255 would give other bits.
OBJLOC_SIMD void to_fractions(int64_t count, const uint8_t* bytes, float* to) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(bytes[i]) / 255.f;
}

struct Pictures {
    const SpriteEntry* sprites;
    const uint8_t *atlas, *backgrounds;
};

void draw_background(const SceneSpec& spec, const ScenePlacement& at, const Pictures& pictures,
                     std::vector<uint8_t>& bytes) {
    if (spec.kind == SceneKind::natural) {
        const auto count = static_cast<int64_t>(bytes.size());
        std::memcpy(bytes.data(), pictures.backgrounds + at.background * count, bytes.size());
    } else {
        std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    }
}

void draw_object(const SceneSpec& spec, const ScenePlacement& at, const Pictures& pictures,
                 std::vector<uint8_t>& bytes) {
    const int32_t last_row = std::min(spec.side, at.y + at.height);
    const int32_t last_column = std::min(spec.side, at.x + at.width);
    for (int32_t row = std::max(0, at.y); row < last_row; ++row) {
        for (int32_t column = std::max(0, at.x); column < last_column; ++column) {
            uint8_t* pixel = bytes.data() + (int64_t{row} * spec.side + column) * 3;
            for (int32_t c = 0; c < 3; ++c) {
                pixel[c] = scene_pixel(spec, at, pictures.sprites, pictures.atlas, pictures.backgrounds, row,
                                       column, c);
            }
        }
    }
}

void to_network_values(Preprocess preprocess, const std::vector<uint8_t>& bytes, float* to) {
    if (preprocess == Preprocess::unit) {
        to_fractions(static_cast<int64_t>(bytes.size()), bytes.data(), to);
        return;
    }
    for (size_t pixel = 0; pixel < bytes.size(); pixel += 3) {
        for (int32_t c = 0; c < 3; ++c) {
            const auto source = static_cast<size_t>(source_channel(preprocess, c));
            to[pixel + static_cast<size_t>(c)] = network_value(preprocess, bytes[pixel + source], c);
        }
    }
}

}  // namespace

void CpuBackend::draw_scenes(const SceneSpec& spec, const SceneAssets& assets, const Tensor& first_index,
                             const Tensor& images, const Tensor& boxes) {
    const Pictures pictures = {assets.sprites ? assets.sprites.data<SpriteEntry>() : nullptr,
                               assets.atlas ? assets.atlas.data<uint8_t>() : nullptr,
                               assets.backgrounds ? assets.backgrounds.data<uint8_t>() : nullptr};
    const int64_t first = *first_index.data<int64_t>();
    cpu::parallel_for(threads_, images.shape()[0], 1, [&](int64_t n, int64_t) {
        const ScenePlacement at = place(spec, pictures.sprites, static_cast<uint64_t>(first + n));
        const int64_t count = int64_t{spec.side} * spec.side * 3;
        std::vector<uint8_t> bytes(static_cast<size_t>(count));
        draw_background(spec, at, pictures, bytes);
        draw_object(spec, at, pictures, bytes);
        to_network_values(spec.preprocess, bytes, images.data<float>() + n * count);
        for (int32_t o = 0; o < spec.outputs; ++o) {
            boxes.data<float>()[n * spec.outputs + o] = box_fraction(spec, at, o);
        }
    });
}

}  // namespace objloc
