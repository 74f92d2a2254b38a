// What a person may ask of objloc_eval.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/common/command_line.h"

namespace objloc {

struct EvalOptions {
    std::string model;

    std::string scene = "natural";
    std::string sprite;
    std::vector<std::string> backgrounds;
    uint64_t seed = 0;
    int64_t count = 2000, batch = 64;

    std::string images, boxes;  // a folder of pictures instead of a scene, and the CSV file of its boxes

    std::string out;
    bool json = false;
    DeviceOptions device;

    void add_to(CLI::App& app);
    /// Finds the contradictions that no two flags alone show. Throws Error.
    void check() const;
};

}  // namespace objloc
