// Paints the pictures in this folder. Run by hand when they are to change; what it writes is committed.
//   objloc_make_assets generators/assets
#include <stb_image_write.h>

#include <cstdio>
#include <exception>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/resize.h"
#include "objloc/generators/sprite_atlas.h"
#include "tools/make_assets/pictures.h"

namespace objloc {

namespace {

/// Views are kept as JPEG, as photographs are; at this size a PNG of one is five times as large.
void save_jpeg(const std::string& path, const Image& image, int quality) {
    std::vector<uint8_t> bytes;
    const auto collect = [](void* context, void* data, int size) {
        const uint8_t* first = static_cast<const uint8_t*>(data);
        std::vector<uint8_t>& all = *static_cast<std::vector<uint8_t>*>(context);
        all.insert(all.end(), first, first + size);
    };
    if (stbi_write_jpg_to_func(collect, &bytes, image.width, image.height, 3, image.pixels.data(), quality) ==
        0) {
        throw Error(path, "the picture cannot be encoded");
    }
    write_file_atomically(path, std::span<const uint8_t>(bytes));
}

/// Trimmed to what is visible and then square, as the box of a training image is.
Image square_cat(int side) {
    return resize(trim_sprite(paint::cat(side + side / 8), "cat"), side, side);
}

void save_views(const std::string& folder, const std::vector<paint::Landscape>& views) {
    std::filesystem::create_directories(folder);
    for (const paint::Landscape& view : views) {
        paint::Canvas canvas(128, 128, 4);
        view.paint(canvas);
        save_jpeg(folder + "/" + view.name + ".jpg", canvas.picture(3), 92);
    }
}

/// The cat in the garden, larger than any training image and unlike them. The picture is square, so that the
/// network sees it undistorted, and the cat is 38% of its side, among the 32 to 63 of 128 pixels of a
/// training image.
Image demo_picture() {
    constexpr int kSide = 512, kCat = 195, kLeft = 196, kTop = 236;
    paint::Canvas canvas(kSide, kSide, 2);
    paint::garden().paint(canvas);
    canvas.dab(paint::Point{kLeft + 0.52f * kCat, kTop + 0.955f * kCat} * (1.0f / kSide),
               paint::Point{0.56f * kCat, 0.085f * kCat} * (1.0f / kSide), 0, {0.03f, 0.06f, 0.02f}, 0.6f);
    Image picture = canvas.picture(3);
    const Image cat = resize(square_cat(256), kCat, kCat);
    for (int y = 0; y < cat.height; ++y) {
        for (int x = 0; x < cat.width; ++x) {
            for (int c = 0; c < 3; ++c) {
                uint8_t& pixel = picture.at(kLeft + x, kTop + y)[c];
                pixel = blend(pixel, cat.at(x, y)[c], cat.at(x, y)[3]);
            }
        }
    }
    return picture;
}

void make_assets(const std::string& folder) {
    save_png(folder + "/cat.png", square_cat(256));
    save_views(folder + "/backgrounds", paint::backgrounds());
    save_views(folder + "/held_out", paint::held_out_backgrounds());
    save_jpeg(folder + "/demo.jpg", demo_picture(), 88);
}

}  // namespace

}  // namespace objloc

int main(int argc, char** argv) {
    try {
        if (argc != 2)
            throw objloc::Error("objloc_make_assets", "one argument is needed", "Name the folder to fill.");
        objloc::make_assets(argv[1]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
