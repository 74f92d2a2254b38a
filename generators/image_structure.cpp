#include "objloc/generators/image_structure.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace objloc {

namespace {

using Bytes = std::span<const uint8_t>;

uint32_t big_endian(Bytes bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[at + i];
    return value;
}

bool starts_with(Bytes bytes, std::string_view text) {
    return bytes.size() >= text.size() &&
           std::equal(text.begin(), text.end(), bytes.begin(),
                      [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

/// Numbers of a TIFF block, whose byte order is its own; past the end they read as zero.
class TiffBlock {
  public:
    explicit TiffBlock(Bytes bytes) : bytes_(bytes), little_(starts_with(bytes, "II")) {}

    uint32_t number(size_t at, size_t count) const {
        uint32_t value = 0;
        for (size_t i = 0; i < count; ++i) {
            const size_t place = at + (little_ ? count - 1 - i : i);
            value = value << 8 | (place < bytes_.size() ? bytes_[place] : 0u);
        }
        return value;
    }

  private:
    Bytes bytes_;
    bool little_;
};

/// The orientation tag of the first directory; 1 when there is none or its value has no meaning. Written out
/// here because it is one number at a known place: a library for all of EXIF would be more to depend on than
/// to write.
int exif_orientation(Bytes segment) {
    constexpr uint32_t kOrientationTag = 0x0112;
    constexpr size_t kHeader = 6, kEntry = 12;
    if (!starts_with(segment, std::string_view("Exif\0\0", kHeader))) return 1;
    const TiffBlock tiff(segment.subspan(kHeader));
    const size_t directory = tiff.number(4, 4);
    const size_t entries = tiff.number(directory, 2);
    for (size_t i = 0; i < entries; ++i) {
        const size_t entry = directory + 2 + i * kEntry;
        if (tiff.number(entry, 2) != kOrientationTag) continue;
        const uint32_t value = tiff.number(entry + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

/// Entropy-coded data runs up to the next marker; in it FF 00 is a data byte and FF D0..D7 a restart.
size_t skip_scan(Bytes bytes, size_t at) {
    while (at + 1 < bytes.size()) {
        const uint8_t next = bytes[at + 1];
        if (bytes[at] == 0xFF && next != 0x00 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
        ++at;
    }
    return bytes.size();
}

/// Huffman tables: a class byte, sixteen counts of codes by length, then that many symbols. A table of more
/// than 256 symbols would make stb_image write beyond its own.
bool huffman_tables_make_sense(Bytes segment) {
    constexpr size_t kHeader = 17, kMaxSymbols = 256;
    while (!segment.empty()) {
        if (segment.size() < kHeader) return false;
        const Bytes counts = segment.subspan(1, 16);
        const size_t symbols = std::accumulate(counts.begin(), counts.end(), size_t{0});
        if (symbols > kMaxSymbols || symbols > segment.size() - kHeader) return false;
        segment = segment.subspan(kHeader + symbols);
    }
    return true;
}

bool is_frame_header(uint8_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

}  // namespace

uint32_t crc32(Bytes bytes) {
    static const std::array<uint32_t, 256> table = [] {
        std::array<uint32_t, 256> made{};
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
            made[i] = value;
        }
        return made;
    }();
    uint32_t value = ~0u;
    for (const uint8_t byte : bytes) value = value >> 8 ^ table[(value ^ byte) & 0xFF];
    return ~value;
}

std::string png_damage(Bytes bytes) {
    constexpr size_t kSignature = 8, kLengthAndType = 8, kChecksum = 4;
    const char* const truncated = "the PNG file is truncated";
    size_t at = kSignature;
    while (at + kLengthAndType + kChecksum <= bytes.size()) {
        const size_t length = big_endian(bytes, at, 4);
        if (length > bytes.size() - at - kLengthAndType - kChecksum) return truncated;
        const Bytes checked = bytes.subspan(at + 4, 4 + length);  // type and data
        at += kLengthAndType + length;
        if (crc32(checked) != big_endian(bytes, at, 4)) return "the PNG file is damaged: a checksum is wrong";
        at += kChecksum;
        if (starts_with(checked, "IEND")) return "";
    }
    return truncated;
}

JpegStructure jpeg_structure(Bytes bytes) {
    constexpr uint8_t kEndOfImage = 0xD9, kStartOfScan = 0xDA, kApp1 = 0xE1, kHuffmanTables = 0xC4;
    JpegStructure found;
    bool scanned = false;
    size_t at = 2;  // after the start-of-image marker
    while (at + 2 <= bytes.size()) {
        if (bytes[at] != 0xFF) return found;
        const uint8_t marker = bytes[at + 1];
        if (marker == 0xFF) {  // fill byte
            ++at;
            continue;
        }
        if (marker == kEndOfImage) {
            found.complete = scanned;
            return found;
        }
        if (at + 4 > bytes.size()) return found;
        const size_t length = big_endian(bytes, at + 2, 2);  // counts itself, not the marker
        if (length < 2 || length > bytes.size() - at - 2) return found;
        const Bytes segment = bytes.subspan(at + 4, length - 2);
        if (is_frame_header(marker) && segment.size() >= 6) found.components = segment[5];
        if (marker == kHuffmanTables && !huffman_tables_make_sense(segment)) return found;
        if (marker == kApp1 && found.orientation == 1) found.orientation = exif_orientation(segment);
        at += 2 + length;
        if (marker == kStartOfScan) {
            at = skip_scan(bytes, at);
            scanned = true;
        }
    }
    return found;
}

}  // namespace objloc
