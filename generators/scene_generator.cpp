#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

#include <fmt/format.h>

#include <iterator>

#include "objloc/engine/error.h"
#include "objloc/generators/backgrounds.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/sprite_atlas.h"

namespace objloc {

namespace {

constexpr const char* kSceneNames[] = {"blob", "cat", "natural"};
constexpr int kMinSide = 32, kMaxSide = 1024;

void check(const SceneSpec& spec) {
    if (spec.side < kMinSide || spec.side > kMaxSide) {
        throw Error("scene", fmt::format("an image side of {} pixels is not possible", spec.side),
                    fmt::format("Sides run from {} to {}.", kMinSide, kMaxSide));
    }
    if (spec.outputs != 3 && spec.outputs != 4) {
        throw Error("scene", fmt::format("a box has 3 or 4 numbers, not {}", spec.outputs));
    }
}

template <typename T>
Tensor uploaded(Backend& backend, const std::vector<T>& values, const Shape& shape, DType type) {
    Tensor tensor = backend.allocate(shape, type);
    backend.upload(values.data(), tensor);
    return tensor;
}

}  // namespace

SceneKind scene_kind(const std::string& name) {
    for (size_t i = 0; i < std::size(kSceneNames); ++i) {
        if (name == kSceneNames[i]) return static_cast<SceneKind>(i);
    }
    throw Error("scene '" + name + "'", "there is no such scene", "Known: blob, cat, natural.");
}

const char* name_of(SceneKind kind) {
    return kSceneNames[static_cast<size_t>(kind)];
}

SceneGenerator::SceneGenerator(Backend& backend, const SceneSpec& spec, const SceneSources& sources)
    : backend_(backend), spec_(spec), next_index_(backend.allocate({1}, DType::i64)) {
    check(spec);
    spec_.sprites = spec_.backgrounds = 0;
    if (spec.kind != SceneKind::blob) load_sprite(sources);
    if (spec.kind == SceneKind::natural) load_photographs(sources);
    seek(0);
}

void SceneGenerator::load_sprite(const SceneSources& sources) {
    const std::string& path = sources.sprite;
    const EmbeddedFile cat = embedded_sprite();
    const std::string where = path.empty() ? std::string(cat.name) : path;
    const Image image = path.empty() ? decode_image(cat.bytes, where) : load_image(path);
    const SpriteAtlas atlas = make_sprite_atlas(
        sprite_variants(trim_sprite(image, where), sources.variety.sprites, sources.variety.seed), spec_.side,
        spec_.outputs);
    spec_.sprites = static_cast<int32_t>(atlas.entries.size());
    assets_.sprites = uploaded(backend_, atlas.entries, {spec_.sprites, 3}, DType::i32);
    assets_.atlas = uploaded(backend_, atlas.rgba, {static_cast<int64_t>(atlas.rgba.size())}, DType::u8);
}

void SceneGenerator::load_photographs(const SceneSources& sources) {
    BackgroundSet set = load_backgrounds(sources.backgrounds, spec_.side, sources.held_out, sources.variety);
    std::vector<uint8_t> pixels;
    for (const Image& image : set.images)
        pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
    spec_.backgrounds = static_cast<int32_t>(set.images.size());
    assets_.backgrounds =
        uploaded(backend_, pixels, {spec_.backgrounds, spec_.side, spec_.side, 3}, DType::u8);
    skipped_ = std::move(set.skipped);
}

void SceneGenerator::draw(const Tensor& images, const Tensor& boxes) {
    const int64_t count = images.shape()[0], side = spec_.side;
    if (images.shape() != Shape{count, side, side, 3} || boxes.shape() != Shape{count, spec_.outputs}) {
        throw Error("scene",
                    fmt::format("images {} and boxes {} do not suit a side of {} and {} numbers a box",
                                images.shape().text(), boxes.shape().text(), side, spec_.outputs));
    }
    localizer_kernels(backend_).draw_scenes(spec_, assets_, next_index_, images, boxes);
    backend_.advance(next_index_, count);
}

void SceneGenerator::seek(uint64_t index) {
    const int64_t next = static_cast<int64_t>(index);
    backend_.upload(&next, next_index_);
}

}  // namespace objloc
