// What an image file says about itself before a pixel is decoded. The decoder accepts truncated JPEGs and
// damaged PNGs in silence and knows no EXIF; walking the segments catches both.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace objloc {

/// CRC-32 as PNG and zlib have it (polynomial 0xEDB88320, reflected).
uint32_t crc32(std::span<const uint8_t> bytes);

/// Why a PNG is not whole: a chunk cut short, a wrong checksum, no IEND. Empty when it is.
/// Source: PNG specification, third edition, section 5.
std::string png_damage(std::span<const uint8_t> bytes);

struct JpegStructure {
    bool complete = false;  // every segment makes sense, and the end-of-image marker follows a scan
    int components = 0;     // 1 grey, 3 colour, 4 CMYK
    int orientation = 1;    // EXIF, 1..8; 1 is upright
};

/// Walks the marker segments and the entropy-coded data between them.
/// Source: ITU-T T.81, annex B; EXIF 2.32, section 4.6 for the orientation tag.
JpegStructure jpeg_structure(std::span<const uint8_t> bytes);

}  // namespace objloc
