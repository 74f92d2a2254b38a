// Pictures in host memory, and PNG and JPEG files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace objloc {

/// Row-major bytes, `channels` of them per pixel: 3 (RGB) or 4 (RGBA, not premultiplied).
struct Image {
    int width = 0, height = 0, channels = 0;
    std::vector<uint8_t> pixels;  // (height, width, channels)

    Image() = default;
    /// All bytes zero.
    Image(int width_, int height_, int channels_)
        : width(width_),
          height(height_),
          channels(channels_),
          pixels(static_cast<size_t>(width_) * static_cast<size_t>(height_) *
                 static_cast<size_t>(channels_)) {}

    uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
    const uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

  private:
    size_t offset(int x, int y) const {
        return (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
               static_cast<size_t>(channels);
    }
};

/// Larger images are refused before any memory is asked for: a damaged header must not cost gigabytes.
constexpr int kMaxImageSide = 16384;
constexpr int64_t kMaxImagePixels = int64_t{1} << 28;

/// Reads a PNG (grey, palette, RGB, each with or without transparency, 1 to 16 bits) or a JPEG (grey or
/// colour, turned upright as its EXIF orientation says). The result has 4 channels when the file has
/// transparency, else 3. Throws Error for a missing, empty, truncated, damaged, oversized or otherwise
/// unreadable file.
Image load_image(const std::string& path);
/// The same from bytes; `where` names them in errors.
Image decode_image(std::span<const uint8_t> bytes, const std::string& where);
/// Do the bytes begin as a PNG or JPEG file does?
bool is_image(std::span<const uint8_t> bytes);

/// Writes a PNG, whole or not at all. Throws Error as write_file_atomically does.
void save_png(const std::string& path, const Image& image);
std::vector<uint8_t> encode_png(const Image& image);
/// A JPEG file of the picture's three channels; quality from 1 to 100. Throws Error for a picture without pixels.
std::vector<uint8_t> encode_jpeg(const Image& image, int quality);

/// The rectangle (x, y, width, height) of an image, which must lie inside it.
Image crop(const Image& image, int x, int y, int width, int height);
/// Three channels; transparency is dropped.
Image to_rgb(const Image& image);

}  // namespace objloc
