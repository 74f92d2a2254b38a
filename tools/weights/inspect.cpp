#include "tools/weights/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tools/weights/vgg16_file.h"

namespace objloc {
namespace {

std::string array_line(const NamedArray& array) {
    if (array.values.empty()) return fmt::format("{:<24} {:<20} empty\n", array.name, array.shape.text());
    const auto [least, largest] = std::minmax_element(array.values.begin(), array.values.end());
    const double mean = std::accumulate(array.values.begin(), array.values.end(), 0.0) /
                        static_cast<double>(array.values.size());
    const std::string fault = not_finite(array);
    return fmt::format("{:<24} {:<20} {:>11.4g} {:>11.4g} {:>11.4g}{}\n", array.name, array.shape.text(),
                       *least, mean, *largest, fault.empty() ? "" : "  " + fault);
}

/// A model's configuration can have pages of JSON.
std::string shortened(const std::string& text) {
    constexpr size_t kLongest = 160;
    return text.size() <= kLongest ? text
                                   : text.substr(0, kLongest) + fmt::format("... ({} bytes)", text.size());
}

}  // namespace

std::string inspect_weights(const std::string& path) {
    const WeightFile file = read_weight_file(path);
    std::string text = fmt::format("{}: {}\n", path, file.format);
    for (const auto& [name, value] : file.attributes)
        text += fmt::format("  {}: {}\n", name, shortened(value));
    text +=
        fmt::format("{:<24} {:<20} {:>11} {:>11} {:>11}\n", "tensor", "shape", "least", "mean", "largest");
    int64_t values = 0;
    for (const NamedArray& array : file.arrays) {
        text += array_line(array);
        values += array.shape.count();
    }
    return text + fmt::format("{} tensors, {} values\n", file.arrays.size(), values);
}

}  // namespace objloc
