// kernel_bench: every op of every backend, checked, then timed, beside its yardstick and its floor.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <utility>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/kernels/backends.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "tools/bench/conv_summary.h"
#include "tools/bench/conv_tuning.h"
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
    std::vector<std::string> precisions;
    bool hopper = false, list = false, json = false, tune = false;
    std::string json_file;
    std::string table;  // what tuning writes; "": stdout
};

std::vector<MachinePeak> peaks_of(const VariantList& list, int threads, bool hopper) {
    std::map<std::pair<std::string, Precision>, MachinePeak> known;
    std::vector<MachinePeak> peaks;
    for (const KernelVariant& variant : list.variants) {
        const std::pair key{variant.device, variant.precision};
        if (known.count(key) == 0) known[key] = peak_of(*variant.make(), threads, variant.precision, hopper);
        peaks.push_back(known[key]);
    }
    return peaks;
}

/// Each pass of the convolutions has a table of its own; all other ops share one.
bool ends_table(const std::vector<OpCase>& cases, size_t c) {
    if (c + 1 == cases.size()) return true;
    const std::string &here = cases[c].op, &next = cases[c + 1].op;
    return here != next && (here.starts_with("conv2d") || next.starts_with("conv2d"));
}

/// Leaves only variants of these precisions; all, when none is named.
void keep_precisions(const std::vector<std::string>& names, std::vector<KernelVariant>& variants) {
    if (names.empty()) return;
    const auto unwanted = [&](const KernelVariant& variant) {
        return std::find(names.begin(), names.end(), name_of(variant.precision)) == names.end();
    };
    variants.erase(std::remove_if(variants.begin(), variants.end(), unwanted), variants.end());
    if (variants.empty()) {
        throw Error("--precision", "no kernel of the chosen devices has it",
                    "The CPU's are timed in fp32; tf32 and bf16 want --device cuda or cudnn.");
    }
}

/// Prints a table as soon as it is measured, unless JSON is wanted. `keep` is given what there is after each
/// case: a run that is cut short leaves that.
std::vector<KernelResult> measure_all(const std::vector<OpCase>& cases, const VariantList& list,
                                      const std::vector<MachinePeak>& peaks,
                                      const KernelBenchOptions& options,
                                      const std::function<void(const std::vector<KernelResult>&)>& keep) {
    std::vector<KernelResult> all, table;
    for (size_t c = 0; c < cases.size(); ++c) {
        const auto results = measure_kernel(cases[c], list.variants, peaks, options.repeats);
        all.insert(all.end(), results.begin(), results.end());
        keep(all);
        table.insert(table.end(), results.begin(), results.end());
        if (options.json || !ends_table(cases, c)) continue;
        fmt::print("{}\n", kernel_table(table));
        std::fflush(stdout);
        table.clear();
    }
    return all;
}

/// `wrong`: what the reference disagrees with, or "".
void require_correct(const std::string& wrong) {
    if (!wrong.empty())
        throw Error("kernel_bench", "the reference disagrees with " + wrong,
                    "Run the op tests: ctest -R ops");
}

BackendEntry cuda_entry() {
    const Registry registry = builtin_backends();
    for (const BackendEntry& entry : registry.entries()) {
        if (entry.name != "cuda") continue;
        if (entry.missing.empty()) return entry;
        throw Error("--tune", entry.missing, entry.hint);
    }
    throw Error("--tune", "this program has no CUDA backend");
}

ConvTable read_table(const std::string& path) {
    const std::vector<uint8_t> bytes = read_file(path);
    return parse_conv_table({bytes.begin(), bytes.end()}, path);
}

/// Measures on the GPU here and writes the table of convolution kernels, with the lines of other
/// architectures as the file has them, or, where there is none yet, as the table has them that came with the
/// sources.
void tune(KernelBenchOptions& options) {
    BackendEntry entry = cuda_entry();
    entry.device.hopper = entry.device.hopper && options.hopper;
    if (options.cases.batch == 0) options.cases.batch = kGpuBatch;
    options.cases.op = "conv2d";
    const std::vector<OpCase> cases = select_cases(options.cases);
    const bool there = !options.table.empty() && std::filesystem::exists(options.table);
    const ConvTable before = read_table(there ? options.table : committed_conv_table_path());

    const auto keep = [&](const ConvTable& table) {
        if (!options.table.empty()) write_file_atomically(options.table, conv_table_text(table));
    };
    const ConvTuning tuning = tune_convolutions(entry, cases, before, options.repeats, keep);
    if (options.table.empty()) fmt::print("{}", conv_table_text(tuning.table));
    require_correct(tuning.wrong);
}

void run(KernelBenchOptions& options) {
    if (options.tune) return tune(options);
    VariantList list = kernel_variants(options.devices, options.threads, options.hopper);
    keep_precisions(options.precisions, list.variants);
    const bool gpu = std::any_of(list.variants.begin(), list.variants.end(),
                                 [](const KernelVariant& variant) { return variant.group == "gpu"; });
    if (options.cases.batch == 0) options.cases.batch = gpu ? kGpuBatch : kCpuBatch;
    const std::vector<OpCase> cases = select_cases(options.cases);
    if (options.list) {
        fmt::print("{}", kernel_list(cases, list));
        return;
    }
    const int threads = options.threads > 0 ? options.threads : cpu::usable_threads();
    const std::vector<MachinePeak> peaks = peaks_of(list, threads, options.hopper);
    const auto json_of = [&](const std::vector<KernelResult>& results) {
        return kernel_json(results, list, peaks, options.cases.batch, threads);
    };
    const auto keep = [&](const std::vector<KernelResult>& results) {
        if (!options.json_file.empty()) write_file_atomically(options.json_file, json_of(results) + "\n");
    };
    const std::vector<KernelResult> results = measure_all(cases, list, peaks, options, keep);
    if (!options.json) {
        fmt::print("{}\n", conv_summary_text(summarize_convolutions(results, list.variants, peaks)));
    }
    fmt::print("{}\n", options.json ? json_of(results)
                                    : kernel_notes(list, peaks) + fmt::format("Batch {}, {} CPU threads.",
                                                                              options.cases.batch, threads));
    require_correct(wrong_kernels(results));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Checks every op against the reference, then times it beside its yardstick. Type next:\n\n"
        "    kernel_bench                                   all of VGG16, on every device here\n"
        "    kernel_bench --device cpu --op conv2d_forward  oneDNN beside our Winograd, layer by layer\n"
        "    kernel_bench --op conv2d --shape 4,64,64,64,128    one convolution of your own\n"
        "    kernel_bench --tune kernels/cuda/conv2d/conv2d_table.inc  choose the GPU's kernels anew, by "
        "measurement\n"
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
    app.add_option("--precision", options.precisions, "fp32, tf32, bf16; again for more; default: all")
        ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
        ->allow_extra_args(false);
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
    app.add_option("--json-file", options.json_file, "write that object to FILE, beside the tables")
        ->type_name("FILE");
    CLI::Option* tune =
        app.add_option(
               "--tune", options.table,
               "time every CUDA convolution kernel that is right here, and write the table by which the "
               "backend chooses (kernels/cuda/conv2d/conv2d_table.inc): to FILE, or to stdout. Takes --tier, "
               "--shape, --batch, --repeats, and --hopper to let those kernels take part. Look at the "
               "difference, then commit it")
            ->type_name("[FILE]")
            ->expected(0, 1);
    options.cases.batch = 0;
    return run_tool(app, argc, argv, [&] {
        options.tune = tune->count() > 0;
        run(options);
    });
}
