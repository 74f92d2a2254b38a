#include "tools/common/command_line.h"

#include <cstdio>
#include <exception>
#include <new>

#include "objloc/engine/error.h"
#include "objloc/kernels/backends.h"

namespace objloc {

std::string version() {
    return OBJLOC_VERSION;
}

int run_tool(CLI::App& app, int argc, char** argv, const std::function<void()>& body) {
    app.set_version_flag("--version", app.get_name() + " " + version());
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
        return app.exit(failure) == 0 ? 0 : 2;
    }
    try {
        body();
        return 0;
    } catch (const Error& failure) {
        std::fprintf(stderr, "error: %s\n", failure.what());
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "error: out of memory\n  Try a smaller --batch.\n");
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "error: %s\n  This should not happen: please report it.\n", failure.what());
    }
    return 1;
}

void DeviceOptions::add_to(CLI::App& app) {
    app.add_option("--device", device, "auto (the first that works here), cuda, cudnn or cpu")
        ->check(CLI::IsMember({"auto", "cpu", "cuda", "cudnn"}))
        ->capture_default_str();
    app.add_option("--threads", threads, "CPU threads; 0 is all cores")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    app.add_option("--cpu-conv", cpu_conv,
                   "how the CPU convolves: direct, winograd (where it applies), auto (what is faster)")
        ->check(CLI::IsMember({"auto", "direct", "winograd"}))
        ->capture_default_str();
    app.add_option(
           "--precision", precision,
           "what cuda and cudnn convolve in, on tensor cores unless fp32: tf32 (10 bits of mantissa, the "
           "same "
           "memory), "
           "bf16 (8 bits, half the memory; weights, their updates, head and loss stay fp32); cpu rounds "
           "to bf16 what it multiplies if its processor can (AVX512_BF16; fp32 is faster), else computes in "
           "fp32 "
           "and says so")
        ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
        ->capture_default_str();
}

std::unique_ptr<Backend> DeviceOptions::make() const {
    const bool gpu = device == "cuda" || device == "cudnn";
    if (gpu && cpu_conv != "auto")
        throw Error("--cpu-conv", "does not concern --device " + device, "Leave it out.");
    const bool is_automatic = cpu_conv == "auto";
    return builtin_backends().make(
        is_automatic ? device : "cpu",
        {threads, is_automatic ? kAutomatic : cpu_conv, parse_precision(precision)});
}

}  // namespace objloc
