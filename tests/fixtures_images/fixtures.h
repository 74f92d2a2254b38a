// The files of this folder, as make_pillow_fixtures.py writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "objloc/generators/image.h"
#include "objloc/generators/image_structure.h"
#include "tests/source_path.h"

namespace objloc::fixtures {

inline std::string path(const std::string& name) {
    return source_path("fixtures_images/" + name);
}

/// The lines of checksums.txt that begin with `kind`, without it.
inline std::vector<std::istringstream> cases(const std::string& kind) {
    std::ifstream file(path("checksums.txt"));
    std::vector<std::istringstream> found;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(kind + " ")) found.emplace_back(line.substr(kind.size() + 1));
    }
    return found;
}

inline uint32_t checksum_at_end(std::istringstream& line) {
    uint32_t value = 0;
    line >> std::hex >> value >> std::dec;
    return value;
}

/// The script's noise.
inline Image noise(int width, int height, int channels) {
    Image image(width, height, channels);
    uint32_t state = 1;
    for (uint8_t& byte : image.pixels) {
        state = state * 1664525u + 1013904223u;
        byte = static_cast<uint8_t>(state >> 24);
    }
    return image;
}

}  // namespace objloc::fixtures
