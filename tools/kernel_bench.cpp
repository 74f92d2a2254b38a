// kernel_bench: every op of every backend, checked, then timed, beside its yardstick and its floor.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/error.h"
#include "kernels/cpu/parallel.h"
#include "tools/bench/kernel_report.h"
#include "tools/bench/kernel_tiers.h"
#include "tools/common/command_line.h"

namespace {

using namespace objloc;
using namespace objloc::bench;

constexpr int64_t kCpuBatch = 4, kGpuBatch = 64;

struct KernelBenchOptions {
    CaseSelection cases;
    std::vector<std::string> devices;
    int threads = 0, repeats = 7;
    bool hopper = false, list = false, json = false;
};

std::vector<MachinePeak> peaks_of(const VariantList& list, int threads) {
    std::map<std::pair<std::string, Precision>, MachinePeak> known;
    std::vector<MachinePeak> peaks;
    for (const KernelVariant& variant : list.variants) {
        const std::pair key{variant.device, variant.precision};
        if (known.count(key) == 0) known[key] = peak_of(*variant.make(), threads, variant.precision);
        peaks.push_back(known[key]);
    }
    return peaks;
}

/// Each pass of the convolutions has a table of its own; all other ops share one.
bool ends_table(const std::vector<KernelCase>& cases, size_t c) {
    return c + 1 == cases.size() || (cases[c].op != cases[c + 1].op && cases[c].op.starts_with("conv2d"));
}

/// Prints a table as soon as it is measured, unless JSON is wanted.
std::vector<KernelResult> measure_all(const std::vector<KernelCase>& cases, const VariantList& list,
                                      const std::vector<MachinePeak>& peaks,
                                      const KernelBenchOptions& options) {
    std::vector<KernelResult> all, table;
    for (size_t c = 0; c < cases.size(); ++c) {
        const auto results = measure_kernel(cases[c], list.variants, peaks, options.repeats);
        all.insert(all.end(), results.begin(), results.end());
        table.insert(table.end(), results.begin(), results.end());
        if (options.json || !ends_table(cases, c)) continue;
        fmt::print("{}\n", kernel_table(table));
        std::fflush(stdout);
        table.clear();
    }
    return all;
}

void require_correct(const std::vector<KernelResult>& results) {
    std::string wrong;
    for (const KernelResult& at : results) {
        if (!at.correctness.passed) {
            wrong += fmt::format("{}{} {} on {}", wrong.empty() ? "" : "; ", at.op->op, at.op->label(),
                                 at.variant->name);
        }
    }
    if (!wrong.empty())
        throw Error("kernel_bench", "the reference disagrees with " + wrong,
                    "Run the op tests: ctest -R ops");
}

void run(KernelBenchOptions& options) {
    const VariantList list = kernel_variants(options.devices, options.threads, options.hopper);
    const bool gpu = std::any_of(list.variants.begin(), list.variants.end(),
                                 [](const KernelVariant& variant) { return variant.group == "gpu"; });
    if (options.cases.batch == 0) options.cases.batch = gpu ? kGpuBatch : kCpuBatch;
    const std::vector<KernelCase> cases = select_cases(options.cases);
    if (options.list) {
        fmt::print("{}", kernel_list(cases, list));
        return;
    }
    const int threads = options.threads > 0 ? options.threads : cpu::usable_threads();
    const std::vector<MachinePeak> peaks = peaks_of(list, threads);
    const std::vector<KernelResult> results = measure_all(cases, list, peaks, options);
    fmt::print("{}\n", options.json ? kernel_json(results, list, peaks, options.cases.batch, threads)
                                    : kernel_notes(list, peaks) + fmt::format("Batch {}, {} CPU threads.",
                                                                              options.cases.batch, threads));
    require_correct(results);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Checks every op against the reference, then times it beside its yardstick. Type next:\n\n"
        "    kernel_bench                                   all of VGG16, on every device here\n"
        "    kernel_bench --device cpu --op conv2d_forward  oneDNN beside our Winograd, layer by layer\n"
        "    kernel_bench --op conv2d --shape 4,64,64,64,128    one convolution of your own\n"
        "    kernel_bench --list                            what there is, without running it\n",
        "kernel_bench");
    KernelBenchOptions options;
    app.add_option("--device", options.devices,
                   "cpu, cuda, cudnn; again for more; default: all that work here")
        ->check(CLI::IsMember({"cpu", "cuda", "cudnn"}))
        ->allow_extra_args(false);
    app.add_option("--op", options.cases.op, "an op, a prefix of several such as conv2d, or all")
        ->capture_default_str();
    app.add_option("--tier", options.cases.tier, "small: odd sizes, in seconds; vgg16: all of its layers")
        ->check(CLI::IsMember({"small", "vgg16"}))
        ->capture_default_str();
    app.add_option("--shape", options.cases.shape, "N,H,W,C,K[,R,S]: one convolution instead of a tier")
        ->delimiter(',');
    app.add_option("--batch", options.cases.batch, "images (default: 4 on a CPU alone, 64 with a GPU)")
        ->check(CLI::Range(1, 65536));
    app.add_option("--threads", options.threads, "CPU threads; 0 is all cores")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    app.add_option("--repeats", options.repeats, "timings of which the median is kept")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--hopper", options.hopper,
                 "with the convolutions for Hopper's tensor cores, which have yet to be proven on a GPU");
    app.add_flag("--list", options.list, "name ops, shapes and variants, and stop");
    app.add_flag("--json", options.json, "print one JSON object instead of tables");
    options.cases.batch = 0;
    return run_tool(app, argc, argv, [&] { run(options); });
}
