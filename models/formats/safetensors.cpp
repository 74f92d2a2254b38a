#include "objloc/models/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"

namespace objloc {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kDamaged = "The file is damaged: download or copy it again.";

/// IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction.
float from_half(uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const auto fraction = static_cast<float>(half & 1023);
    const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
    if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

template <typename Stored, typename Convert>
std::vector<float> convert(const char* bytes, size_t count, Convert to_float) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        Stored stored;
        std::memcpy(&stored, bytes + i * sizeof stored, sizeof stored);
        values[i] = to_float(stored);
    }
    return values;
}

/// The bytes of one element; 0 for types that are not floating point.
size_t size_of_dtype(const std::string& dtype) {
    static const std::map<std::string, size_t> kSizes = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}};
    const auto found = kSizes.find(dtype);
    return found == kSizes.end() ? 0 : found->second;
}

std::vector<float> decode(const std::string& dtype, const char* bytes, size_t count) {
    if (dtype == "F64") return convert<double>(bytes, count, [](double x) { return static_cast<float>(x); });
    if (dtype == "F16") return convert<uint16_t>(bytes, count, from_half);
    if (dtype == "BF16") {
        return convert<uint16_t>(bytes, count,
                                 [](uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); });
    }
    return convert<float>(bytes, count, [](float x) { return x; });
}

/// The extents in the header, none of them more than the file's bytes could hold.
Shape read_shape(const std::string& where, const nlohmann::json& extents, size_t bytes) {
    Shape shape;
    size_t count = 1;
    for (const int64_t extent : extents) {
        if (extent > 0 && count > bytes / static_cast<size_t>(extent)) {
            throw Error(where, "its shape " + extents.dump() + " is larger than the file", kDamaged);
        }
        shape.push_back(extent);
        count *= static_cast<size_t>(extent);
    }
    return shape;
}

/// One entry of the header, checked against the bytes that follow it.
NamedArray read_entry(const std::string& where, const nlohmann::json& entry, std::string_view data) {
    const std::string dtype = entry.at("dtype");
    const size_t element = size_of_dtype(dtype);
    if (element == 0) {
        throw Error(where, "holds " + dtype + " values; weights here are F32, F64, F16 or BF16",
                    "Save the model before it is quantised.");
    }
    NamedArray array{"", read_shape(where, entry.at("shape"), data.size()), {}};
    const auto count = static_cast<size_t>(array.shape.count());
    const size_t begin = entry.at("data_offsets").at(0);
    const size_t end = entry.at("data_offsets").at(1);
    if (begin > end || end > data.size()) {
        throw Error(where,
                    fmt::format("its bytes {} to {} lie beyond the file's {}", begin, end, data.size()),
                    kDamaged);
    }
    if (end - begin != count * element) {
        throw Error(where, fmt::format("has {} bytes for {} of {}", end - begin, array.shape.text(), dtype),
                    kDamaged);
    }
    array.values = decode(dtype, data.data() + begin, count);
    return array;
}

uint64_t header_length(std::string_view bytes) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), kLengthBytes);
    return length;
}

}  // namespace

bool is_safetensors(const std::string& path) {
    std::string start(kLengthBytes + 1, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    return file.gcount() == static_cast<std::streamsize>(start.size()) &&
           header_length(start) <= kLongestHeader && start.back() == '{';
}

WeightFile read_safetensors(const std::string& path) {
    const std::vector<uint8_t> file_bytes = read_file(path);
    if (!is_safetensors(path)) throw Error(path, "is not a safetensors file", "Check the path.");
    const std::string_view bytes(reinterpret_cast<const char*>(file_bytes.data()), file_bytes.size());
    const uint64_t length = header_length(bytes);
    if (length > bytes.size() - kLengthBytes) throw Error(path, "is cut short within its header", kDamaged);
    const std::string_view data = bytes.substr(kLengthBytes + length);

    WeightFile file{"safetensors", {}, {}};
    std::vector<std::pair<size_t, NamedArray>> found;  // by the place of their bytes
    try {
        const auto header = nlohmann::json::parse(bytes.substr(kLengthBytes, length));
        for (const auto& [name, entry] : header.items()) {
            if (name == kMetadata) {
                file.attributes = entry.get<std::map<std::string, std::string>>();
                continue;
            }
            NamedArray array = read_entry(path + ": " + name, entry, data);
            array.name = name;
            found.emplace_back(entry.at("data_offsets").at(0), std::move(array));
        }
    } catch (const nlohmann::json::exception& failure) {
        throw Error(path, std::string("its header cannot be understood: ") + failure.what(), kDamaged);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [place, array] : found) file.arrays.push_back(std::move(array));
    return file;
}

void write_safetensors(const std::string& path, const std::vector<NamedArray>& arrays,
                       const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header;
    if (!metadata.empty()) header[kMetadata] = metadata;
    size_t offset = 0;
    for (const NamedArray& array : arrays) {
        std::vector<int64_t> extents;
        for (int axis = 0; axis < array.shape.rank(); ++axis) extents.push_back(array.shape[axis]);
        const size_t end = offset + array.values.size() * sizeof(float);
        header[array.name] = {{"dtype", "F32"}, {"shape", extents}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    std::string text = header.dump();
    text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');  // aligns the numbers

    const uint64_t length = text.size();
    std::string bytes(reinterpret_cast<const char*>(&length), kLengthBytes);
    bytes += text;
    for (const NamedArray& array : arrays) {
        bytes.append(reinterpret_cast<const char*>(array.values.data()), array.values.size() * sizeof(float));
    }
    write_file_atomically(path, bytes);
}

}  // namespace objloc
