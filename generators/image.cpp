#include "objloc/generators/image.h"

#include <fmt/format.h>
#define STBI_NO_STDIO
#include <stb_image.h>
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

#include <algorithm>
#include <array>
#include <memory>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/image_structure.h"

namespace objloc {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr std::array<uint8_t, 8> kPngSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<uint8_t, 3> kJpegSignature = {0xFF, 0xD8, 0xFF};
const char* const kSaveAgain = "Get the file again from where it came, or save it anew as PNG or JPEG.";

bool is_png(Bytes bytes) {
    return bytes.size() >= kPngSignature.size() &&
           std::equal(kPngSignature.begin(), kPngSignature.end(), bytes.begin());
}

bool is_jpeg(Bytes bytes) {
    return bytes.size() >= kJpegSignature.size() &&
           std::equal(kJpegSignature.begin(), kJpegSignature.end(), bytes.begin());
}

/// What can be refused without decoding. Returns the EXIF orientation, 1 for a PNG.
int check_structure(Bytes bytes, const std::string& where) {
    if (bytes.empty()) throw Error(where, "the file is empty", kSaveAgain);
    if (is_png(bytes)) {
        const std::string damage = png_damage(bytes);
        if (!damage.empty()) throw Error(where, damage, kSaveAgain);
        return 1;
    }
    if (!is_jpeg(bytes)) {
        throw Error(where, "this is neither a PNG nor a JPEG file", "Convert it to PNG or JPEG.");
    }
    const JpegStructure jpeg = jpeg_structure(bytes);
    if (!jpeg.complete) throw Error(where, "the JPEG file is truncated or damaged", kSaveAgain);
    if (jpeg.components == 4) {
        throw Error(where, "the JPEG file holds printing colours (CMYK)", "Convert it to RGB.");
    }
    return jpeg.orientation;
}

void check_size(Bytes bytes, const std::string& where) {
    int width = 0, height = 0, channels = 0;
    if (stbi_info_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels) ==
        0) {
        throw Error(where, "the image's header makes no sense", kSaveAgain);
    }
    if (width > kMaxImageSide || height > kMaxImageSide || int64_t{width} * height > kMaxImagePixels) {
        throw Error(where, fmt::format("the image is too large: {} x {} pixels", width, height),
                    fmt::format("At most {} pixels a side; make it smaller.", kMaxImageSide));
    }
}

/// Grey to RGB, grey and alpha to RGBA; RGB and RGBA as they are.
Image widen(const uint8_t* pixels, int width, int height, int channels) {
    const bool alpha = channels == 2 || channels == 4, grey = channels <= 2;
    Image image(width, height, alpha ? 4 : 3);
    const size_t count = static_cast<size_t>(width) * static_cast<size_t>(height);
    uint8_t* to = image.pixels.data();
    for (size_t i = 0; i < count; ++i, pixels += channels) {
        for (int c = 0; c < 3; ++c) *to++ = pixels[grey ? 0 : c];
        if (alpha) *to++ = pixels[channels - 1];
    }
    return image;
}

/// Turns an image upright. The eight orientations are the symmetries of the rectangle: perhaps mirrored,
/// perhaps turned over, perhaps with rows and columns exchanged.
Image upright(const Image& image, int orientation) {
    if (orientation == 1) return image;
    const bool exchange = orientation >= 5;
    const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Image turned(exchange ? image.height : image.width, exchange ? image.width : image.height,
                 image.channels);
    for (int y = 0; y < turned.height; ++y) {
        for (int x = 0; x < turned.width; ++x) {
            const int column = exchange ? y : x, row = exchange ? x : y;
            const uint8_t* from =
                image.at(flip_x ? image.width - 1 - column : column, flip_y ? image.height - 1 - row : row);
            std::copy_n(from, image.channels, turned.at(x, y));
        }
    }
    return turned;
}

}  // namespace

bool is_image(Bytes bytes) {
    return is_png(bytes) || is_jpeg(bytes);
}

Image decode_image(Bytes bytes, const std::string& where) {
    constexpr size_t kMaxFile = size_t{1} << 30;
    if (bytes.size() > kMaxFile)
        throw Error(where, "the file is larger than 1 GiB", "Make the image smaller.");
    const int orientation = check_structure(bytes, where);
    check_size(bytes, where);
    int width = 0, height = 0, channels = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, 0),
        stbi_image_free);
    if (!pixels) {
        throw Error(where, fmt::format("the image cannot be decoded ({})", stbi_failure_reason()),
                    kSaveAgain);
    }
    return upright(widen(pixels.get(), width, height, channels), orientation);
}

Image load_image(const std::string& path) {
    return decode_image(read_file(path), path);
}

std::vector<uint8_t> encode_png(const Image& image) {
    if (image.pixels.empty()) throw Error("PNG", "an image without pixels cannot be encoded");
    std::vector<uint8_t> bytes;
    const auto collect = [](void* context, void* data, int size) {
        const uint8_t* first = static_cast<const uint8_t*>(data);
        static_cast<std::vector<uint8_t>*>(context)->assign(first, first + size);
    };
    const int ok = stbi_write_png_to_func(collect, &bytes, image.width, image.height, image.channels,
                                          image.pixels.data(), image.width * image.channels);
    if (ok == 0 || bytes.empty()) {
        throw Error("PNG", fmt::format("an image of {} x {} pixels and {} channels cannot be encoded",
                                       image.width, image.height, image.channels));
    }
    return bytes;
}

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
    std::vector<uint8_t> bytes;
    const auto append = [](void* context, void* data, int size) {
        const uint8_t* first = static_cast<const uint8_t*>(data);
        auto& file = *static_cast<std::vector<uint8_t>*>(context);
        file.insert(file.end(), first, first + size);
    };
    const int ok = image.pixels.empty()
                       ? 0
                       : stbi_write_jpg_to_func(append, &bytes, image.width, image.height, image.channels,
                                                image.pixels.data(), quality);
    if (ok == 0) {
        throw Error("JPEG",
                    fmt::format("an image of {} x {} pixels cannot be encoded", image.width, image.height));
    }
    return bytes;
}

void save_png(const std::string& path, const Image& image) {
    write_file_atomically(path, encode_png(image));
}

Image crop(const Image& image, int x, int y, int width, int height) {
    if (x < 0 || y < 0 || width < 1 || height < 1 || x + width > image.width || y + height > image.height) {
        throw Error("crop",
                    fmt::format("the rectangle ({}, {}, {}, {}) does not lie inside an image of {} x {}", x,
                                y, width, height, image.width, image.height));
    }
    Image part(width, height, image.channels);
    for (int row = 0; row < height; ++row) {
        std::copy_n(image.at(x, y + row), width * image.channels, part.at(0, row));
    }
    return part;
}

Image to_rgb(const Image& image) {
    if (image.channels == 3) return image;
    Image rgb(image.width, image.height, 3);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) std::copy_n(image.at(x, y), 3, rgb.at(x, y));
    }
    return rgb;
}

}  // namespace objloc
