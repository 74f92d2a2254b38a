#include "objloc/models/formats/vgg16_names.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "objloc/models/vgg16.h"

namespace objloc {

std::vector<std::string> vgg16_convolution_names() {
    constexpr int64_t kAnySide = 32;
    std::vector<std::string> names;
    for (const Vgg16Conv& convolution : vgg16_convolutions(1, kAnySide)) names.push_back(convolution.name);
    return names;
}

int vgg16_block(const std::string& layer) {
    const bool in_block = layer.starts_with("block") && layer.find("_conv") == 6 &&
                          std::isdigit(static_cast<unsigned char>(layer[5])) != 0;
    return in_block ? layer[5] - '0' : 0;
}

std::vector<std::string> with_weightless_layers(const std::vector<std::string>& layers) {
    std::vector<std::string> all = {"input_1"};
    int block = 0;
    const auto leave_block = [&](int next) {
        if (block != 0 && next != block) all.push_back("block" + std::to_string(block) + "_pool");
        block = next;
    };
    for (const std::string& layer : layers) {
        leave_block(vgg16_block(layer));
        if (follows_flatten(layer)) all.emplace_back("flatten");
        all.push_back(layer);
    }
    if (block != 0) all.push_back("block" + std::to_string(block) + "_pool");
    return all;
}

bool follows_flatten(const std::string& layer) {
    return layer == "dense" || layer == "fc1";
}

void sort_as_vgg16(std::vector<NamedArray>& arrays) {
    std::vector<std::string> layers = vgg16_convolution_names();
    for (const NamedArray& array : arrays) {
        const std::string layer = layer_of(array.name);
        if (std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(layer);
    }
    const auto place = [&](const NamedArray& array) {
        const auto layer = std::find(layers.begin(), layers.end(), layer_of(array.name));
        return std::pair(layer, variable_of(array.name) != "kernel");
    };
    std::stable_sort(arrays.begin(), arrays.end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

}  // namespace objloc
