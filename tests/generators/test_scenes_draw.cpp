// draw_scenes on every backend, bit for bit against kernels/reference/draw_scenes.h, and the distributions
// themselves.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "objloc/kernels/cases/inputs.h"
#include "objloc/kernels/localizer/localizer_kernels.h"
#include "objloc/kernels/reference/draw_scenes.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

using reference::ScenePictures;

/// Pictures of noise: sprites of growing size, not all square, with every alpha; `backgrounds` photographs.
ScenePictures noise_pictures(int side, int sizes, int backgrounds) {
    Random random(3);
    ScenePictures pictures;
    for (int i = 0; i < sizes; ++i) {
        const SpriteEntry entry = {side / 4 + i, side / 4 + i / 2,
                                   static_cast<int32_t>(pictures.atlas.size())};
        pictures.sprites.push_back(entry);
        for (int byte = 0; byte < 4 * entry.width * entry.height; ++byte) {
            pictures.atlas.push_back(static_cast<uint8_t>(draw(random, 0, 255)));
        }
    }
    for (int byte = 0; byte < backgrounds * side * side * 3; ++byte) {
        pictures.backgrounds.push_back(static_cast<uint8_t>(draw(random, 0, 255)));
    }
    return pictures;
}

Tensor upload_all(Backend& backend, const Shape& shape, DType type, const void* data) {
    const Tensor tensor = backend.allocate(shape, type);
    backend.upload(data, tensor);
    return tensor;
}

SceneAssets upload_pictures(Backend& backend, const ScenePictures& pictures, int side) {
    if (pictures.sprites.empty()) return {};
    const auto sizes = static_cast<int64_t>(pictures.sprites.size());
    const auto atlas = static_cast<int64_t>(pictures.atlas.size());
    SceneAssets assets;
    assets.sprites = upload_all(backend, {sizes, 3}, DType::i32, pictures.sprites.data());
    assets.atlas = upload_all(backend, {atlas}, DType::u8, pictures.atlas.data());
    if (!pictures.backgrounds.empty()) {
        const int64_t count = static_cast<int64_t>(pictures.backgrounds.size()) / (side * side * 3);
        assets.backgrounds =
            upload_all(backend, {count, side, side, 3}, DType::u8, pictures.backgrounds.data());
    }
    return assets;
}

struct Drawn {
    std::vector<std::byte> images, boxes;
};

Drawn draw_on(Backend& backend, const SceneSpec& spec, const ScenePictures& pictures, int64_t first,
              int64_t count) {
    const Shape images_shape = {count, spec.side, spec.side, 3}, boxes_shape = {count, spec.outputs};
    const DType f32 = DType::f32;
    const GuardedTensor images = upload_guarded(backend, poison(images_shape, f32), images_shape, f32);
    const GuardedTensor boxes = upload_guarded(backend, poison(boxes_shape, f32), boxes_shape, f32);
    localizer_kernels(backend).draw_scenes(spec, upload_pictures(backend, pictures, spec.side),
                                           upload_all(backend, {1}, DType::i64, &first), images.tensor,
                                           boxes.tensor);
    CHECK(guards_intact(backend, images));
    CHECK(guards_intact(backend, boxes));
    return {download_bytes(backend, images.tensor), download_bytes(backend, boxes.tensor)};
}

/// What the reference draws, as bytes.
Drawn draw_reference(const SceneSpec& spec, const ScenePictures& pictures, int64_t first, int64_t count) {
    Array images({count, spec.side, spec.side, 3}), boxes({count, spec.outputs});
    reference::draw_scenes(spec, pictures, static_cast<uint64_t>(first), images, boxes);
    return {bytes_of(images, DType::f32), bytes_of(boxes, DType::f32)};
}

struct SceneCase {
    std::string name;
    SceneSpec spec;
    ScenePictures pictures;
};

std::vector<SceneCase> scene_cases() {
    std::vector<SceneCase> cases;
    for (const int32_t outputs : {3, 4}) {
        for (const int32_t side : {128, 32, 64}) {
            SceneSpec spec{.side = side, .outputs = outputs, .seed = 17, .stream = 2};
            cases.push_back({"blob", spec, {}});
            spec.sprites = side / 4;
            spec.kind = SceneKind::cat;
            cases.push_back({"cat", spec, noise_pictures(side, spec.sprites, 0)});
            spec.kind = SceneKind::natural;
            spec.backgrounds = 3;
            cases.push_back({"natural", spec, noise_pictures(side, spec.sprites, spec.backgrounds)});
            spec.preprocess = Preprocess::caffe;
            cases.push_back({"natural, caffe", spec, cases.back().pictures});
        }
    }
    return cases;
}

}  // namespace

TEST_CASE("draw_scenes draws the reference's images and boxes, bit for bit") {
    const std::vector<SceneCase> cases = scene_cases();
    for (const OpBackend& on : op_backends()) {
        if (!on.only.empty()) continue;
        for (const SceneCase& scene : cases) {
            if (on.slow && scene.spec.side > 32) continue;
            INFO(on.label << ": " << scene.name << " of side " << scene.spec.side);
            const Drawn want = draw_reference(scene.spec, scene.pictures, 100, 9);
            const Drawn got = draw_on(*on.backend, scene.spec, scene.pictures, 100, 9);
            CHECK(got.images == want.images);
            CHECK(got.boxes == want.boxes);
            for (const auto& other : on.same_bits) {
                CHECK(draw_on(*other, scene.spec, scene.pictures, 100, 9).images == got.images);
            }
        }
    }
}

TEST_CASE("an image depends on its index alone, not on its batch, and indices have 64 bits") {
    const SceneSpec spec{.side = 32, .seed = 5};
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        for (const int64_t first : {int64_t{0}, (int64_t{1} << 32) - 2}) {
            const Drawn batch = draw_on(*backend, spec, {}, first, 4);
            CHECK(batch.images == draw_reference(spec, {}, first, 4).images);
            for (int64_t i = 0; i < 4; ++i) {
                const Drawn alone = draw_on(*backend, spec, {}, first + i, 1);
                const auto bytes = static_cast<int64_t>(alone.images.size());
                CHECK(std::equal(alone.images.begin(), alone.images.end(), batch.images.begin() + i * bytes));
            }
        }
    }
}

TEST_CASE("blobs: every centre and radius there may be, and no other") {
    const SceneSpec spec{.side = 128, .seed = 1};
    std::set<int> columns, rows, radii;
    for (uint64_t index = 0; index < 20'000; ++index) {
        const ScenePlacement at = place(spec, nullptr, index);
        columns.insert(at.x + at.radius);
        rows.insert(at.y + at.radius);
        radii.insert(at.radius);
        CHECK(at.width == 2 * at.radius);
        CHECK(at.height == 2 * at.radius);
        const bool inside = at.x > 0 && at.y > 0 && at.x + at.width < 128 && at.y + at.height < 128;
        REQUIRE(inside);
    }
    CHECK(*columns.begin() == 8);
    CHECK(*columns.rbegin() == 119);
    CHECK(columns.size() == 112);
    CHECK(rows == columns);
    CHECK(*radii.begin() == 4);
    CHECK(*radii.rbegin() > 55);  // 63 needs the very middle
}

TEST_CASE("sprites: every size, corner and background there may be, and no other") {
    const ScenePictures pictures = noise_pictures(32, 4, 0);
    const SceneSpec spec{
        .kind = SceneKind::natural, .side = 32, .outputs = 4, .sprites = 4, .backgrounds = 3, .seed = 1};
    std::set<int> sizes, backgrounds, corners_of_first;
    for (uint64_t index = 0; index < 20'000; ++index) {
        const ScenePlacement at = place(spec, pictures.sprites.data(), index);
        sizes.insert(at.sprite);
        backgrounds.insert(at.background);
        if (at.sprite == 0) corners_of_first.insert(at.x);
        REQUIRE(at.x >= 1);
        REQUIRE(at.y >= 1);
        REQUIRE(at.x + at.width < 32);
        REQUIRE(at.y + at.height < 32);
    }
    CHECK(sizes == std::set<int>{0, 1, 2, 3});
    CHECK(backgrounds == std::set<int>{0, 1, 2});
    CHECK(corners_of_first.size() == 32 - 8 - 1);
}

TEST_CASE("blend rounds as Pillow's paste does") {
    for (int back = 0; back < 256; back += 5) {
        for (int front = 0; front < 256; front += 3) {
            for (int mask = 0; mask < 256; ++mask) {
                const auto byte = [](int value) { return static_cast<uint8_t>(value); };
                const int exact = (2 * (back * (255 - mask) + front * mask) + 255) / (2 * 255);  // to nearest
                REQUIRE(int{blend(byte(back), byte(front), byte(mask))} == exact);
            }
        }
    }
}

}  // namespace objloc
