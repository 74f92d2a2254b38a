// What every tool's main does: parse, run, and turn an Error into one clear message and a non-zero exit.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "objloc/engine/backend.h"
#include "objloc/engine/registry.h"

namespace objloc {

/// objloc's version, "0.1.0".
std::string version();

/// Gives `app` the flag --version, parses `argc, argv` with it and runs `body`. 0: done; 1: an Error, printed to stderr; 2: wrong usage.
int run_tool(CLI::App& app, int argc, char** argv, const std::function<void()>& body);

/// --device, --threads, --cpu-conv and --precision, as all tools have them.
struct DeviceOptions {
    std::string device = "auto";
    int threads = 0;
    std::string cpu_conv = "auto", precision = "fp32";

    void add_to(CLI::App& app);
    /// Makes the backend. Throws Error when the device cannot be had here, or a flag does not concern it.
    std::unique_ptr<Backend> make() const;
};

}  // namespace objloc
