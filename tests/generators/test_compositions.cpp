// compose_scenes on every backend, bit for bit against the CPU's; what its pictures and their truth must be where that
// can be said without drawing them; and how its factors are distributed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "objloc/engine/error.h"
#include "objloc/generators/composition_generator.h"
#include "objloc/generators/picture_atlas.h"
#include "objloc/kernels/cases/inputs.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/localizer/composition_camera.h"
#include "objloc/kernels/localizer/composition_plan.h"
#include "tests/test_backends.h"

namespace objloc {
namespace {

Image filled(int width, int height, const std::vector<uint8_t>& pixel) {
    Image image(width, height, static_cast<int>(pixel.size()));
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = pixel[i % pixel.size()];
    return image;
}

Image noise(int width, int height, int channels, uint64_t seed) {
    Random random(seed);
    Image image(width, height, channels);
    for (uint8_t& byte : image.pixels) byte = static_cast<uint8_t>(draw(random, 0, 255));
    return image;
}

/// The spec's counts and the pictures that belong to it.
struct Pictures {
    PictureAtlas atlas;
    CompositionSpec spec;

    CompositionPictures view() const { return {atlas.entries.data(), atlas.pixels.data()}; }
};

Pictures noisy_pictures(int side) {
    Pictures pictures;
    pictures.spec.side = side;
    pictures.spec.objects = 2, pictures.spec.others = 2, pictures.spec.places = 3;
    add_picture(pictures.atlas, noise(40, 30, 4, 1), 64, 0);
    add_picture(pictures.atlas, noise(17, 33, 4, 2), 64, 1);
    add_picture(pictures.atlas, noise(25, 25, 4, 3), 64, 0);
    add_picture(pictures.atlas, noise(1, 9, 4, 4), 64, 0);
    for (uint64_t i = 0; i < 3; ++i) {
        add_picture(pictures.atlas, noise(60 + static_cast<int>(i), 48, 3, 5 + i), 64, 0);
    }
    return pictures;
}

struct Drawn {
    std::vector<std::byte> images, truth;
};

Tensor upload_all(Backend& backend, const Shape& shape, DType type, const void* data) {
    const Tensor tensor = backend.allocate(shape, type);
    backend.upload(data, tensor);
    return tensor;
}

Drawn draw_on(Backend& backend, const Pictures& pictures, int64_t first, int64_t count) {
    const int64_t side = pictures.spec.side;
    const Shape images_shape = {count, side, side, 3}, truth_shape = {count, kMaxObjects, kTruthFields};
    const GuardedTensor images =
        upload_guarded(backend, poison(images_shape, DType::f32), images_shape, DType::f32);
    const GuardedTensor truth =
        upload_guarded(backend, poison(truth_shape, DType::f32), truth_shape, DType::f32);
    CompositionAssets assets;
    assets.entries = upload_all(backend, {static_cast<int64_t>(pictures.atlas.entries.size()), 6}, DType::i32,
                                pictures.atlas.entries.data());
    assets.atlas = upload_all(backend, {static_cast<int64_t>(pictures.atlas.pixels.size())}, DType::u8,
                              pictures.atlas.pixels.data());
    localizer_kernels(backend).compose_scenes(
        pictures.spec, assets, upload_all(backend, {1}, DType::i64, &first), images.tensor, truth.tensor);
    CHECK(guards_intact(backend, images));
    CHECK(guards_intact(backend, truth));
    return {download_bytes(backend, images.tensor), download_bytes(backend, truth.tensor)};
}

/// An object of one colour on a place of another, with nothing else.
Pictures plain_pictures() {
    Pictures pictures;
    pictures.spec.strength = 0;
    pictures.spec.absent = pictures.spec.several = 0;
    pictures.spec.objects = 1, pictures.spec.places = 1;
    add_picture(pictures.atlas, filled(40, 20, {200, 40, 10, 255}), 64, 0);
    add_picture(pictures.atlas, filled(64, 64, {10, 90, 220}), 64, 0);
    return pictures;
}

}  // namespace

TEST_SUITE_BEGIN("compositions");

TEST_CASE("every backend draws the same compositions, bit for bit") {
    for (const int side : {32, 45}) {
        for (const float strength : {1.f, 0.f}) {
            for (const Preprocess preprocess : {Preprocess::unit, Preprocess::caffe}) {
                Pictures pictures = noisy_pictures(side);
                pictures.spec.strength = strength, pictures.spec.preprocess = preprocess;
                pictures.spec.compressed = pictures.spec.blurred = 0.6f;
                const int64_t first = 12345678901, count = 6;
                const auto reference = cpu_backend_entry().make({.threads = 1});
                const Drawn expected = draw_on(*reference, pictures, first, count);
                for (const OpBackend& on : op_backends()) {
                    CAPTURE(on.label);
                    CAPTURE(side);
                    const Drawn drawn = draw_on(*on.backend, pictures, first, count);
                    CHECK(drawn.images == expected.images);
                    CHECK(drawn.truth == expected.truth);
                    // An image depends on its number alone.
                    const Drawn later = draw_on(*on.backend, pictures, first + 4, 1);
                    const auto skipped = static_cast<std::ptrdiff_t>(4 * later.images.size());
                    CHECK(
                        std::equal(later.images.begin(), later.images.end(), drawn.images.begin() + skipped));
                }
            }
        }
    }
}

TEST_CASE("without distortions an object is where its box says, in its own colour") {
    const Pictures pictures = plain_pictures();
    const CompositionSpec& spec = pictures.spec;
    for (uint64_t index = 0; index < 200; ++index) {
        CAPTURE(index);
        CompositionPlan plan = plan_composition(spec, pictures.view(), index);
        REQUIRE(plan.layers == 1);
        plan.layer[0].edge = LayerEdge::hard;  // soft ones take some of the rim away
        ObjectExtent seen = {spec.side, spec.side, 0, 0, 0};
        int32_t strange = 0;
        for (int32_t row = 0; row < spec.side; ++row) {
            for (int32_t column = 0; column < spec.side; ++column) {
                const CompositionPixel pixel =
                    composition_pixel(plan, pictures.view().entries, pictures.view().atlas, row, column);
                const bool is_object = pixel.object == 0;
                if (is_object) {
                    seen.left = std::min(seen.left, column), seen.right = std::max(seen.right, column + 1);
                    seen.top = std::min(seen.top, row), seen.bottom = std::max(seen.bottom, row + 1);
                    ++seen.pixels;
                }
                // Colours may only mix at the object's rim.
                const bool red = pixel.channel[0] == 200, blue = pixel.channel[2] == 220,
                           bar = pixel.channel[0] == kBar;
                strange += !red && !blue && !bar ? 1 : 0;
                CHECK(bar == !in_picture(plan, row, column));
            }
        }
        const auto width = static_cast<float>(seen.right - seen.left),
                   height = static_cast<float>(seen.bottom - seen.top);
        CHECK(strange <= 2 * (width + height + 4));
        // Upright, twice as wide as high, as large as planned.
        CHECK(std::abs(width - 2 * height) <= 3);
        CHECK(std::abs(static_cast<float>(seen.pixels) - plan.whole[0]) <= 2 * (width + height) + 4);
        float row[kTruthFields];
        write_truth(plan, spec.side, 0, seen, row);
        CHECK(row[5] == (seen.pixels >= kLeastPixels ? kObjectPresent : kObjectIgnored));
        CHECK(row[2] * static_cast<float>(spec.side) == width);
    }
}

TEST_CASE("factors are drawn from their whole ranges") {
    Pictures pictures = noisy_pictures(128);
    const int32_t count = 4000;
    int32_t absent = 0, several = 0, blurred = 0, compressed = 0, turned = 0, objects = 0, truncated = 0;
    float smallest = 1, largest = 0, widest = 0, narrowest = 10;
    std::set<int32_t> shown;
    for (int32_t index = 0; index < count; ++index) {
        const CompositionPlan plan =
            plan_composition(pictures.spec, pictures.view(), static_cast<uint64_t>(index));
        REQUIRE(plan.layers <= kMaxLayers);
        const float aspect =
            static_cast<float>(plan.right - plan.left) / static_cast<float>(plan.bottom - plan.top);
        widest = std::max(widest, aspect), narrowest = std::min(narrowest, aspect);
        CHECK(std::max(plan.right - plan.left, plan.bottom - plan.top) == 128);
        absent += plan.whole[0] == 0 ? 1 : 0, several += plan.whole[1] > 0 ? 1 : 0;
        blurred += plan.blurred, compressed += plan.compression > 0 ? 1 : 0;
        int32_t weights = 0;
        for (const auto& row : plan.blur) {
            for (const int32_t weight : row) weights += weight;
        }
        CHECK(weights == kBlurOne);
        for (int32_t l = 0; l < plan.layers; ++l) {
            const CompositionLayer& layer = plan.layer[l];
            CHECK(layer.left >= plan.left);
            CHECK(layer.right <= plan.right);
            shown.insert(layer.picture);
            if (layer.object < 0) continue;
            ++objects;
            const float across =
                            std::sqrt(layer.across[0] * layer.across[0] + layer.across[1] * layer.across[1]),
                        down = std::sqrt(layer.down[0] * layer.down[0] + layer.down[1] * layer.down[1]);
            const float longer = std::max(2 * layer.extent[0] / across, 2 * layer.extent[1] / down);
            smallest = std::min(smallest, longer / 128), largest = std::max(largest, longer / 128);
            turned += std::abs(layer.across[1]) > std::abs(layer.across[0]) ? 1 : 0;
            truncated += layer.left == plan.left || layer.right == plan.right ? 1 : 0;
        }
    }
    const auto share = [&](int32_t number) { return static_cast<double>(number) / count; };
    // Four standard deviations of a share of 4000 are at most 0.032.
    CHECK(share(absent) == doctest::Approx(0.12).epsilon(0.2));
    CHECK(share(several) == doctest::Approx(0.15).epsilon(0.2));
    CHECK(share(blurred) == doctest::Approx(0.3).epsilon(0.1));
    CHECK(share(compressed) == doctest::Approx(0.25).epsilon(0.12));
    // Half are turned by any angle, and half of those lie more than 45 degrees from upright.
    CHECK(static_cast<double>(turned) / objects == doctest::Approx(0.25).epsilon(0.15));
    CHECK(truncated > objects / 20);
    CHECK(smallest < 0.06f);
    CHECK(largest > 0.85f);
    CHECK(widest > 1.7f);
    CHECK(narrowest < 0.59f);
    CHECK(shown.size() == pictures.atlas.entries.size());
}

TEST_CASE("an object that is mostly hidden is ignored, and one that is not there is absent") {
    CompositionPlan plan{};
    plan.whole[0] = 1000, plan.label[0] = 3;
    float row[kTruthFields];
    write_truth(plan, 100, 0, {10, 20, 40, 60, 600}, row);
    CHECK(row[0] == 0.1f);
    CHECK(row[1] == 0.2f);
    CHECK(row[2] == 0.3f);
    CHECK(row[3] == 0.4f);
    CHECK(row[4] == 3);
    CHECK(row[5] == kObjectPresent);
    write_truth(plan, 100, 0, {10, 20, 40, 60, 200}, row);
    CHECK(row[5] == kObjectIgnored);
    write_truth(plan, 100, 0, {100, 100, 0, 0, 0}, row);
    CHECK(row[5] == kObjectAbsent);
    plan.whole[0] = 0;
    write_truth(plan, 100, 0, {10, 20, 40, 60, 600}, row);
    CHECK(row[5] == kObjectAbsent);
}

TEST_CASE("the camera: blur and compression keep what is even, noise is as strong as planned") {
    CompositionSpec spec;
    spec.side = 64;
    CompositionPlan plan{};
    plan.right = plan.bottom = 64;
    CompositionRandom random(spec, 5);
    plan_blur(random, plan);
    plan.blurred = 1;
    const std::vector<uint8_t> even(64 * 64 * 3, 77);
    CHECK(camera_pixel(plan, 64, even.data(), 0, 0).channel[0] == 77);
    CHECK(camera_pixel(plan, 64, even.data(), 33, 63).channel[2] == 77);
    plan.noise = 10, plan.noise_seed = 99;
    double sum = 0, squares = 0;
    const int count = 64 * 64 * 3;
    for (int i = 0; i < 64 * 64; ++i) {
        const CameraPixel pixel = camera_pixel(plan, 64, even.data(), i / 64, i % 64);
        for (const float channel : pixel.channel) {
            sum += static_cast<double>(channel) - 77;
            squares += std::pow(static_cast<double>(channel) - 77, 2);
        }
    }
    CHECK(std::abs(sum / count) < 0.4);  // four deviations of the mean
    CHECK(std::sqrt(squares / count) == doctest::Approx(10).epsilon(0.05));

    const CosineTable table = cosine_table();
    float line[kTile] = {3, 1, 4, 1, 5, 9, 2, 6}, frequencies[kTile];
    for (int32_t i = 0; i < kTile; ++i) frequencies[i] = transformed(table, line, 1, i);
    CHECK(frequencies[0] == doctest::Approx(31 / std::sqrt(8.0)));
    for (int32_t i = 0; i < kTile; ++i) {
        CHECK(transformed_back(table, frequencies, 1, i) == doctest::Approx(line[i]));
        double definition = 0;
        for (int32_t j = 0; j < kTile; ++j) {
            definition += static_cast<double>(line[j]) * std::cos((2 * j + 1) * i * std::acos(-1.0) / 16) *
                          (i == 0 ? std::sqrt(1.0 / 8) : 0.5);
        }
        CHECK(frequencies[i] == doctest::Approx(definition).epsilon(1e-5));
    }
    const CameraPixel colour = {{12, 200, 99}}, back = from_luma(to_luma(colour));
    for (int c = 0; c < 3; ++c) CHECK(std::abs(back.channel[c] - colour.channel[c]) < 0.5f);
}

TEST_CASE("arithmetic that is the same everywhere is near what it stands for") {
    for (float x = -6; x < 6; x += 0.013f) CHECK(exp2_of(x) == doctest::Approx(std::exp2(x)).epsilon(2e-4));
    for (float turns = -2; turns < 2; turns += 0.0071f) {
        const Direction by = direction(turns);
        CHECK(std::abs(by.cosine - std::cos(2 * std::acos(-1.f) * turns)) < 4e-3f);
        CHECK(std::abs(by.sine - std::sin(2 * std::acos(-1.f) * turns)) < 4e-3f);
        CHECK(by.cosine * by.cosine + by.sine * by.sine == doctest::Approx(1));
    }
    CompositionSpec spec;
    spec.strength = 0.5f, spec.ramp = 100;
    CHECK(strength_at(spec, 0) == doctest::Approx(0.15));
    CHECK(strength_at(spec, 50) == doctest::Approx(0.325));
    CHECK(strength_at(spec, 100) == 0.5f);
    const ColourMap turned = hue(0.3f), grey = saturation(0);
    for (int i = 0; i < 3; ++i) {
        CHECK(turned.matrix[i][0] + turned.matrix[i][1] + turned.matrix[i][2] ==
              doctest::Approx(1).epsilon(1e-4));
        CHECK(grey.matrix[i][1] == doctest::Approx(0.587));
    }
}

TEST_CASE("an atlas holds every level, premultiplied") {
    PictureAtlas atlas;
    add_picture(atlas, filled(5, 3, {100, 50, 200, 51}), 64, 7);
    add_picture(atlas, filled(200, 100, {9, 8, 7}), 64, 0);
    REQUIRE(atlas.entries.size() == 2);
    const PictureEntry first = atlas.entries[0], second = atlas.entries[1];
    CHECK(first.label == 7);
    CHECK(first.levels == 3);  // 5x3, 2x1, 1x1
    CHECK(first.visible == 0);
    CHECK(second.first == 5 * 3 + 2 + 1);
    CHECK(second.width == 64);
    CHECK(second.height == 32);
    CHECK(second.visible == 64 * 32);
    for (int32_t level = 0; level < first.levels; ++level) {
        const PictureLevel at = picture_level(first, atlas.pixels.data(), level);
        CHECK(int{at.pixels[0]} == 20);  // 100 * 51 / 255
        CHECK(int{at.pixels[3]} == 51);
    }
    CHECK(mean_colour(second, atlas.pixels.data()).channel[2] == 7);
}

TEST_CASE(
    "a generator gives what the program brings where nothing is named, and goes on from image to image") {
    const auto backend = cpu_backend_entry().make({.threads = 1});
    CompositionSpec spec;
    spec.side = 64;
    CompositionGenerator generator(*backend, spec, {});
    CHECK(generator.spec().objects == 1);
    CHECK(generator.spec().places == 7 + 4);  // photographs and collages of them
    const Tensor images = backend->allocate({3, 64, 64, 3}),
                 truth = backend->allocate({3, kMaxObjects, kTruthFields});
    generator.draw(images, truth);
    const std::vector<std::byte> first = download_bytes(*backend, images);
    generator.draw(images, truth);
    CHECK(download_bytes(*backend, images) != first);
    generator.seek(0);
    generator.draw(images, truth);
    CHECK(download_bytes(*backend, images) == first);
    spec.side = 16;
    CHECK_THROWS_AS(CompositionGenerator(*backend, spec, {}), Error);
    CHECK_THROWS_AS(generator.draw(truth, images), Error);
}

TEST_SUITE_END();

}  // namespace objloc
