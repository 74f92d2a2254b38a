#include "tools/weights/verify.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "tools/weights/vgg16_file.h"

namespace objloc {
namespace {

/// Keras's own VGG16 files, as keras.applications.vgg16 downloads and checks them.
struct OfficialFile {
    const char* name;
    size_t bytes;
    const char* md5;
};
constexpr std::array<OfficialFile, 2> kOfficialFiles = {
    {{"the official ImageNet weights of VGG16 without top", 58889256, "6d6bbae143d832006294945121d1f1fc"},
     {"the official ImageNet weights of VGG16 with top", 553467096, "64373286793e3c8b2b4e3219cbf3544b"}}};

void check_official(const std::vector<uint8_t>& bytes, Verification& result) {
    for (const OfficialFile& official : kOfficialFiles) {
        if (bytes.size() != official.bytes) continue;
        const std::string found = md5(bytes);
        if (found == official.md5) {
            result.notes.push_back(fmt::format("It is {} (MD5 {}).", official.name, found));
        } else {
            result.faults.push_back(
                fmt::format("It has the size of {}, but its MD5 is {}, not {}: some bytes differ.\n"
                            "  Fetch it again: weights/fetch.sh",
                            official.name, found, official.md5));
        }
    }
}

/// What no training leaves behind, though the shape is right and all values are finite.
std::string senseless(const NamedArray& array) {
    constexpr float kLargest = 1e6F;
    const auto is_large = [](float value) { return std::abs(value) > kLargest; };
    const auto large = std::find_if(array.values.begin(), array.values.end(), is_large);
    if (large != array.values.end()) {
        return fmt::format(
            "{} holds {:g} at its element {}; no trained weight is that large: a bit may have flipped",
            array.name, *large, large - array.values.begin());
    }
    const auto is_zero = [](float value) { return value == 0; };
    if (variable_of(array.name) == "kernel" &&
        std::all_of(array.values.begin(), array.values.end(), is_zero)) {
        return array.name + " is zero everywhere: it was never written, or never initialized";
    }
    return "";
}

void check_tensors(const std::string& path, const WeightFile& file, Verification& result) {
    const std::vector<WantedArray> wanted = vgg16_tensors(path, file);
    for (const WantedArray& want : wanted) {
        const auto is_it = [&](const NamedArray& array) { return array.name == want.name; };
        const auto found = std::find_if(file.arrays.begin(), file.arrays.end(), is_it);
        if (found == file.arrays.end()) continue;  // match_arrays below says so, or knows it by another name
        if (const std::string fault = fault_of(*found, want.shape); !fault.empty())
            result.faults.push_back(fault);
        else if (const std::string odd = senseless(*found); !odd.empty())
            result.faults.push_back(odd);
    }
    if (!result.faults.empty()) return;
    const LoadReport report = match_arrays(path, file, wanted).report;
    for (const std::string& name : report.missing) result.faults.push_back(name + " is missing");
    for (const std::string& name : report.left_over) result.notes.push_back("Not the localizer's: " + name);
    constexpr size_t kLastConvolution = 24;
    result.notes.push_back(fmt::format("{} tensors have their model's shapes, {} filters in the last block.",
                                       report.taken.size(), wanted[kLastConvolution].shape[3]));
    if (const auto config = localizer_config(path, file, Preprocess::unit)) {
        result.notes.push_back(fmt::format("With its head it is a localizer for {0}x{0} pixels, {1} outputs.",
                                           config->side, config->outputs()));
    } else {
        result.notes.emplace_back(
            "It has no localizer's head: a start for training (objloc_train --weights).");
    }
}

}  // namespace

std::string md5(const std::vector<unsigned char>& bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_md5(), nullptr) != 1) {
        throw Error("MD5", "OpenSSL would not compute it, as under a FIPS policy",
                    "Compare with md5sum instead.");
    }
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

Verification verify_weights(const std::string& path) {
    Verification result;
    check_official(read_file(path), result);
    try {
        const WeightFile file = read_weight_file(path);
        result.notes.push_back("Form: " + file.format + ".");
        check_tensors(path, file, result);
    } catch (const std::exception& failure) {
        result.faults.emplace_back(failure.what());
    }
    return result;
}

}  // namespace objloc
