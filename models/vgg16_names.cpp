#include "models/vgg16_names.h"

#include <array>
#include <cctype>

namespace objloc {

std::vector<std::string> vgg16_convolutions() {
    constexpr std::array<int, 5> kConvolutions = {2, 2, 3, 3, 3};  // in each block
    std::vector<std::string> names;
    for (size_t block = 0; block < kConvolutions.size(); ++block) {
        for (int i = 1; i <= kConvolutions[block]; ++i) {
            names.push_back("block" + std::to_string(block + 1) + "_conv" + std::to_string(i));
        }
    }
    return names;
}

int vgg16_block(const std::string& layer) {
    const bool in_block = layer.size() > 6 && layer.starts_with("block") &&
                          std::isdigit(static_cast<unsigned char>(layer[5])) != 0 && layer[6] == '_';
    return in_block ? layer[5] - '0' : 0;
}

std::vector<std::string> with_weightless_layers(const std::vector<std::string>& layers) {
    std::vector<std::string> all = {"input_1"};
    int block = 0;
    const auto leave_block = [&](int next) {
        if (block != 0 && next != block) all.push_back("block" + std::to_string(block) + "_pool");
        if (block != 0 && next == 0) all.emplace_back("flatten");
        block = next;
    };
    for (const std::string& layer : layers) {
        leave_block(vgg16_block(layer));
        all.push_back(layer);
    }
    if (block != 0) all.push_back("block" + std::to_string(block) + "_pool");
    return all;
}

}  // namespace objloc
