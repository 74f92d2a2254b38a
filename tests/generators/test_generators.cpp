// Scenes from sprite and photograph to batch: distributions, labels, pictures, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/backgrounds.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/resize.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/generators/sprite_atlas.h"
#include "tests/fixtures_images/fixtures.h"
#include "tests/test_backends.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

/// Counts of integers in [low, low + counts.size()).
struct Histogram {
    int low;
    std::vector<int> counts;
    int outside = 0;

    Histogram(int low_, int high) : low(low_), counts(static_cast<size_t>(high - low_)) {}
    void add(int value) {
        const int bin = value - low;
        if (bin < 0 || bin >= static_cast<int>(counts.size())) {
            ++outside;
        } else {
            ++counts[static_cast<size_t>(bin)];
        }
    }
    /// Nothing beyond the ends, both ends reached, and a chi-square that a uniform law exceeds once in
    /// 30,000.
    bool uniform() const {
        const double expected =
            std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
        double chi_square = 0;
        for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
        const double freedom = static_cast<double>(counts.size() - 1);
        // Wilson and Hilferty's cube: (chi^2 / k)^(1/3) is about normal.
        const double spread = std::sqrt(2 / (9 * freedom));
        const double normal = (std::cbrt(chi_square / freedom) - (1 - 2 / (9 * freedom))) / spread;
        return outside == 0 && counts.front() > 0 && counts.back() > 0 && std::fabs(normal) < 4;
    }
};

const std::vector<SpriteEntry>& square_sizes() {
    static const std::vector<SpriteEntry> sizes = [] {
        std::vector<SpriteEntry> made;
        for (int size = 32; size < 64; ++size) made.push_back({size, size, 0});
        return made;
    }();
    return sizes;
}

constexpr uint64_t kDraws = 400'000;

struct Batch {
    std::vector<float> images, boxes;
    bool operator==(const Batch&) const = default;
};

Batch draw(Backend& backend, SceneGenerator& generator, int64_t count) {
    const int64_t side = generator.spec().side;
    const Tensor images = backend.allocate({count, side, side, 3});
    const Tensor boxes = backend.allocate({count, generator.spec().outputs});
    generator.draw(images, boxes);
    Batch batch{std::vector<float>(static_cast<size_t>(images.count())),
                std::vector<float>(static_cast<size_t>(boxes.count()))};
    backend.download(images, batch.images.data());
    backend.download(boxes, batch.boxes.data());
    return batch;
}

std::vector<float> joined(std::vector<float> a, const std::vector<float>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// What the specification says image `index` is, from pictures on the host.
Image expected_image(const SceneSpec& spec, const SpriteAtlas& atlas, const std::vector<uint8_t>& photographs,
                     const ScenePlacement& at) {
    Image image(spec.side, spec.side, 3);
    for (int y = 0; y < spec.side; ++y) {
        for (int x = 0; x < spec.side; ++x) {
            for (int c = 0; c < 3; ++c) {
                image.at(x, y)[c] = scene_pixel(spec, at, atlas.entries.data(), atlas.rgba.data(),
                                                photographs.data(), y, x, c);
            }
        }
    }
    return image;
}

SpriteAtlas cat_atlas() {
    return make_sprite_atlas({decode_image(embedded_sprite().bytes, "cat")}, 128, 3);
}

}  // namespace

TEST_CASE("blobs follow the seed's distribution") {
    const SceneSpec spec{.seed = 11};
    Histogram columns(8, 120), rows(8, 120), radii_in_the_middle(4, 56);
    for (uint64_t i = 0; i < kDraws; ++i) {
        const ScenePlacement at = place(spec, nullptr, i);
        const int column = at.x + at.radius, row = at.y + at.radius;
        columns.add(column);
        rows.add(row);
        const int border = std::min(128 - std::max(column, row), std::min(column, row));
        REQUIRE(at.radius >= 4);
        REQUIRE(at.radius < border);
        if (border == 56) radii_in_the_middle.add(at.radius);
    }
    CHECK(columns.uniform());
    CHECK(rows.uniform());
    CHECK(radii_in_the_middle.uniform());
}

TEST_CASE("sprites follow the seed's distribution") {
    const SceneSpec spec{.kind = SceneKind::natural, .sprites = 32, .backgrounds = 7, .seed = 12};
    Histogram sizes(32, 64), backgrounds(0, 7);
    std::vector<Histogram> columns, rows;  // by size: the corner lies in [1, 128 - size)
    for (int size = 32; size < 64; ++size) {
        columns.emplace_back(1, 128 - size);
        rows.emplace_back(1, 128 - size);
    }
    Histogram size_and_background(0, 32 * 7);
    for (uint64_t i = 0; i < kDraws; ++i) {
        const ScenePlacement at = place(spec, square_sizes().data(), i);
        sizes.add(at.width);
        backgrounds.add(at.background);
        columns[static_cast<size_t>(at.width - 32)].add(at.x);
        rows[static_cast<size_t>(at.width - 32)].add(at.y);
        size_and_background.add((at.width - 32) * 7 + at.background);
    }
    CHECK(sizes.uniform());
    CHECK(backgrounds.uniform());
    CHECK(size_and_background.uniform());
    for (size_t i = 0; i < 32; ++i) {
        INFO("size " << 32 + i);
        CHECK(columns[i].uniform());
        CHECK(rows[i].uniform());
    }
}

TEST_CASE("seeds and streams share no images") {
    SceneSpec spec{.seed = 1}, other_seed{.seed = 2}, other_stream{.seed = 1, .stream = 1};
    int same_seed = 0, same_stream = 0;
    for (uint64_t i = 0; i < 1000; ++i) {
        const ScenePlacement at = place(spec, nullptr, i);
        const auto equal = [&](const ScenePlacement& b) {
            return at.x == b.x && at.y == b.y && at.radius == b.radius;
        };
        same_seed += equal(place(other_seed, nullptr, i));
        same_stream += equal(place(other_stream, nullptr, i));
    }
    CHECK(same_seed < 5);  // by chance about one in 200,000 places is the same
    CHECK(same_stream < 5);
}

TEST_CASE("pasted with and without mask as Pillow pastes") {
    const SpriteAtlas atlas = cat_atlas();
    const std::vector<uint8_t> photograph = fixtures::noise(128, 128, 3).pixels;
    for (const SceneKind kind : {SceneKind::natural, SceneKind::cat}) {
        const std::string name = kind == SceneKind::natural ? "paste" : "tile";
        size_t count = 0;
        for (std::istringstream& line : fixtures::cases(name)) {
            int size = 0, x = 0, y = 0;
            line >> size >> x >> y;
            const ScenePlacement at = {x, y, size, size, 0, size - 32, 0};
            INFO(name << " of " << size << " at " << x << ", " << y);
            CHECK(crc32(expected_image({.kind = kind}, atlas, photograph, at).pixels) ==
                  fixtures::checksum_at_end(line));
            ++count;
        }
        CHECK(count == 4);
    }
}

TEST_CASE("blobs on a backend: the white disc fills its box") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        SceneGenerator generator(*backend, {.seed = 4});
        const int64_t count = 16;
        const Batch batch = draw(*backend, generator, count);
        for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            int left = 128, right = -1, top = 128, bottom = -1;
            for (int y = 0; y < 128; ++y) {
                for (int x = 0; x < 128; ++x) {
                    if (batch.images[((i * 128 + static_cast<size_t>(y)) * 128 + static_cast<size_t>(x)) *
                                     3] < 1)
                        continue;
                    left = std::min(left, x);
                    right = std::max(right, x);
                    top = std::min(top, y);
                    bottom = std::max(bottom, y);
                }
            }
            // A disc of radius r about a pixel, its rim left out, is 2r - 1 wide: the seed's box is one
            // wider.
            const float* box = batch.boxes.data() + 3 * i;
            CHECK(box[0] * 128 == static_cast<float>(left - 1));
            CHECK(box[1] * 128 == static_cast<float>(top - 1));
            CHECK(box[2] * 128 == static_cast<float>(right - left + 2));
            CHECK(right - left == bottom - top);
        }
    }
}

TEST_CASE("the cat on black and on photographs, from the shipped pictures to the batch") {
    const SpriteAtlas atlas = cat_atlas();
    std::vector<uint8_t> photographs;
    for (const Image& image : load_backgrounds({}, 128).images) {
        photographs.insert(photographs.end(), image.pixels.begin(), image.pixels.end());
    }
    for (const auto& backend : test_backends()) {
        for (const SceneKind kind : {SceneKind::cat, SceneKind::natural}) {
            INFO(backend->name() << ", " << name_of(kind));
            SceneGenerator generator(*backend, {.kind = kind, .seed = 9});
            CHECK(generator.spec().sprites == 32);
            CHECK(generator.spec().backgrounds == (kind == SceneKind::natural ? 7 : 0));
            const size_t count = 4;
            const Batch batch = draw(*backend, generator, count);
            size_t different = 0;
            for (size_t i = 0; i < count; ++i) {
                const ScenePlacement at = place(generator.spec(), atlas.entries.data(), i);
                const Image want = expected_image(generator.spec(), atlas, photographs, at);
                for (size_t k = 0; k < want.pixels.size(); ++k) {
                    different +=
                        std::lround(255 * batch.images[i * want.pixels.size() + k]) != want.pixels[k];
                }
                CHECK(batch.boxes[3 * i] == static_cast<float>(at.x) / 128);
                CHECK(batch.boxes[3 * i + 1] == static_cast<float>(at.y) / 128);
                CHECK(batch.boxes[3 * i + 2] == static_cast<float>(at.width) / 128);
            }
            CHECK(different == 0);
        }
    }
}

TEST_CASE("an image is the same in any batch and after any seek") {
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        SceneGenerator generator(*backend, {.kind = SceneKind::natural, .side = 32, .outputs = 4, .seed = 3});
        const Batch first = draw(*backend, generator, 3), second = draw(*backend, generator, 3);
        CHECK_FALSE(first == second);
        generator.seek(0);
        const Batch all = draw(*backend, generator, 6);
        CHECK(joined(first.images, second.images) == all.images);
        CHECK(joined(first.boxes, second.boxes) == all.boxes);
        generator.seek(3);
        CHECK(draw(*backend, generator, 3) == second);
    }
}

TEST_CASE("backgrounds come from files and folders, in the order of their names") {
    const ScratchFolder folder;
    Image red(40, 20, 3), blue(10, 30, 4);
    for (int y = 0; y < 20; ++y) {
        for (int x = 0; x < 40; ++x)
            red.at(x, y)[x >= 10 && x < 30 ? 0 : 1] = 255;  // its middle square is red
    }
    for (size_t i = 2; i < blue.pixels.size(); i += 4) blue.pixels[i] = 255;
    std::filesystem::create_directories(folder.file("set/below"));
    save_png(folder.file("set/b.png"), red);
    save_png(folder.file("set/a.png"), blue);
    write_file_atomically(folder.file("set/notes.txt"), std::string_view("about them"));

    const BackgroundSet set = load_backgrounds({folder.file("set"), folder.file("set/b.png")}, 16);
    REQUIRE(set.images.size() == 3);
    for (const Image& image : set.images) {
        CHECK(image.width == 16);
        CHECK(image.height == 16);
        CHECK(image.channels == 3);
    }
    CHECK(set.images[0].at(8, 8)[2] == 255);  // a.png
    for (size_t i = 0; i < set.images[1].pixels.size(); ++i) {
        CHECK(int{set.images[1].pixels[i]} == (i % 3 == 0 ? 255 : 0));
    }
    CHECK(set.images[2].pixels == set.images[1].pixels);
    CHECK(set.skipped == std::vector<std::string>{folder.file("set/notes.txt")});
}

TEST_CASE("the shipped pictures: a cat that fills its square, and seven different backgrounds") {
    const Image cat = decode_image(embedded_sprite().bytes, "cat");
    CHECK(cat.width == cat.height);
    CHECK(cat.channels == 4);
    const BackgroundSet set = load_backgrounds({}, 128);
    CHECK(set.images.size() == 7);
    for (size_t i = 1; i < set.images.size(); ++i) CHECK(set.images[i].pixels != set.images[i - 1].pixels);
}

TEST_CASE("the backgrounds held out from training are others, and scenes are drawn from them when asked") {
    const BackgroundSet training = load_backgrounds({}, 64), held_out = load_backgrounds({}, 64, true);
    REQUIRE(held_out.images.size() == 3);
    for (const Image& image : held_out.images) {
        for (const Image& other : training.images) CHECK(image.pixels != other.pixels);
    }
    for (const auto& backend : test_backends()) {
        INFO(backend->name());
        SceneGenerator generator(*backend, {.kind = SceneKind::natural, .side = 64},
                                 {.sprite = "", .backgrounds = {}, .held_out = true});
        CHECK(generator.spec().backgrounds == 3);
        std::vector<uint8_t> pixels(static_cast<size_t>(generator.assets().backgrounds.count()));
        backend->download(generator.assets().backgrounds, pixels.data());
        const size_t size = held_out.images[0].pixels.size();
        REQUIRE(pixels.size() == 3 * size);
        for (size_t i = 0; i < pixels.size(); ++i) {
            if (pixels[i] != held_out.images[i / size].pixels[i % size]) FAIL("byte " << i << " differs");
        }
    }
}

TEST_CASE("scenes have names") {
    for (const char* name : {"blob", "cat", "natural"}) CHECK(name_of(scene_kind(name)) == std::string(name));
    for (const char* name : {"", "Cat", "dog"}) CHECK_THROWS_AS(scene_kind(name), Error);
}

TEST_CASE("what makes no scene is refused") {
    const ScratchFolder folder;
    std::filesystem::create_directories(folder.file("empty"));
    std::filesystem::create_directories(folder.file("text"));
    std::filesystem::create_directories(folder.file("broken"));
    write_file_atomically(folder.file("text/notes.txt"), std::string_view("no image"));
    std::vector<uint8_t> cut = encode_png(fixtures::noise(20, 20, 3));
    cut.resize(cut.size() / 2);
    write_file_atomically(folder.file("broken/cut.png"), std::span<const uint8_t>(cut));
    save_png(folder.file("opaque.png"), fixtures::noise(20, 20, 3));
    save_png(folder.file("nothing.png"), Image(20, 20, 4));

    Backend& backend = *test_backends().front();
    const SceneSpec natural{.kind = SceneKind::natural};
    for (const char* sprite :
         {"missing.png", "opaque.png", "nothing.png", "broken/cut.png", "empty", "text/notes.txt"}) {
        INFO(sprite);
        CHECK_THROWS_AS(SceneGenerator(backend, natural, {.sprite = folder.file(sprite), .backgrounds = {}}),
                        Error);
    }
    for (const char* background : {"missing", "missing.png", "empty", "text", "text/notes.txt", "broken"}) {
        INFO(background);
        CHECK_THROWS_AS(
            SceneGenerator(backend, natural, {.sprite = "", .backgrounds = {folder.file(background)}}),
            Error);
    }
    for (const int side : {-1, 0, 31, 1025}) CHECK_THROWS_AS(SceneGenerator(backend, {.side = side}), Error);
    for (const int outputs : {0, 2, 5}) CHECK_THROWS_AS(SceneGenerator(backend, {.outputs = outputs}), Error);

    SceneGenerator generator(backend, {.side = 32});
    const Tensor images = backend.allocate({2, 32, 32, 3}), boxes = backend.allocate({2, 3});
    CHECK_THROWS_AS(generator.draw(backend.allocate({2, 33, 32, 3}), boxes), Error);
    CHECK_THROWS_AS(generator.draw(images, backend.allocate({2, 4})), Error);
    CHECK_THROWS_AS(generator.draw(images, backend.allocate({3, 3})), Error);
    CHECK_NOTHROW(generator.draw(images, boxes));
}

}  // namespace objloc
