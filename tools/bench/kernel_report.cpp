#include "tools/bench/kernel_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/bench/conv_summary.h"
#include "tools/bench/environment.h"
#include "tools/bench/table.h"

namespace objloc::bench {

std::string kernel_table(const std::vector<KernelResult>& results) {
    Table table(
        {"op and shape", "variant", ">median", ">GFLOP/s", ">GB/s", ">of floor", ">error", ">vs yardstick"});
    for (const KernelResult& at : results) {
        const bool yardstick = at.variant->yardstick && at.speedup > 0;
        table.add({at.op->op + " " + at.op->label(), at.variant->name,
                   at.seconds > 0 ? time_text(at.seconds) : "not timed", giga_text(at.flops_per_s()),
                   giga_text(at.bytes_per_s()), share_text(at.share_of_floor),
                   !at.failure.empty()     ? "FAILED"
                   : at.correctness.passed ? fmt::format("{:.1e}", at.correctness.error)
                                           : "WRONG",
                   yardstick        ? "1"
                   : at.speedup > 0 ? fmt::format("{:.2f}x", at.speedup)
                                    : "-"});
    }
    return table.text();
}

std::string wrong_kernels(const std::vector<KernelResult>& results) {
    std::string wrong;
    for (const KernelResult& at : results) {
        if (at.correctness.passed) continue;
        wrong += fmt::format("{}{} {} on {}{}", wrong.empty() ? "" : "; ", at.op->op, at.op->label(),
                             at.variant->name, at.failure.empty() ? "" : " (" + at.failure + ")");
    }
    return wrong;
}

std::string kernel_notes(const VariantList& list, const std::vector<MachinePeak>& peaks) {
    std::string text =
        "Each kernel was checked against the double-precision reference before it was timed (error: root "
        "mean "
        "square,\nrelative). Caches are cold and weights count as changed since the last run. GFLOP/s counts "
        "direct sums: Winograd\nmultiplies less and may pass 100% of the floor, which is operations over "
        "peak or "
        "bytes over bandwidth, whichever\ntakes longer. x: times as fast as the yardstick of the same "
        "precision.\n";
    std::string last;
    for (size_t v = 0; v < peaks.size(); ++v) {
        const std::string device = list.variants[v].device + " in " + name_of(list.variants[v].precision);
        if (device == last) continue;
        last = device;
        text += fmt::format("Floor of {}: {} GFLOP/s, {} GB/s ({}).\n", last, giga_text(peaks[v].flops_per_s),
                            giga_text(peaks[v].bytes_per_s), peaks[v].source);
    }
    return text;
}

std::string kernel_json(const std::vector<KernelResult>& results, const VariantList& list,
                        const std::vector<MachinePeak>& peaks, int64_t batch, int threads) {
    using Json = nlohmann::ordered_json;
    Json rows = Json::array(), variants = Json::array();
    for (const KernelResult& at : results) {
        rows.push_back({{"op", at.op->op},
                        {"layer", at.op->layer},
                        {"shape", at.op->shape},
                        {"device", at.variant->device},
                        {"variant", at.variant->name},
                        {"correct", at.correctness.passed},
                        {"error", at.correctness.error},
                        {"failure", at.failure},
                        {"median_s", at.seconds},
                        {"gflop_per_s", at.flops_per_s() / 1e9},
                        {"gb_per_s", at.bytes_per_s() / 1e9},
                        {"share_of_floor", at.share_of_floor},
                        {"speedup_over_yardstick", at.speedup}});
    }
    for (size_t v = 0; v < list.variants.size(); ++v) {
        variants.push_back({{"device", list.variants[v].device},
                            {"variant", list.variants[v].name},
                            {"machine", peaks[v].machine},
                            {"precision", name_of(list.variants[v].precision)},
                            {"peak_gflop_per_s", peaks[v].flops_per_s / 1e9},
                            {"peak_copy_gb_per_s", peaks[v].bytes_per_s / 1e9},
                            {"peak_source", peaks[v].source}});
    }
    Json summaries = Json::array();
    for (const ConvSummary& at : summarize_convolutions(results, list.variants, peaks)) {
        summaries.push_back({{"precision", name_of(at.precision)},
                             {"version", at.version},
                             {"layer_passes", at.layer_passes},
                             {"compared", at.compared},
                             {"mean_speedup_over_yardstick", at.mean_speedup},
                             {"worst_speedup_over_yardstick", at.worst_speedup},
                             {"worst", at.worst},
                             {"arithmetic_bound", at.arithmetic_bound},
                             {"near_peak", at.near_peak}});
    }
    return Json{{"program", "objloc kernel_bench"},
                {"batch", batch},
                {"threads", threads},
                {"variants", variants},
                {"results", rows},
                {"convolutions", summaries},
                {"date", utc_date()},
                {"git_commit", git_commit()}}
        .dump();
}

std::string kernel_list(const std::vector<OpCase>& cases, const VariantList& list) {
    std::string text = "Variants (what those of CUDA taught is counted, unmeasured on a GPU)\n";
    const auto add = [&text](const KernelVariant& at) {
        text += fmt::format("  {:<6} {:<25} {}{}\n", at.device, at.name, at.adds,
                            at.yardstick ? " (the yardstick)" : "");
        if (!at.taught.empty()) text += fmt::format("  {:<6} {:<25} Taught: {}.\n", "", "", at.taught);
    };
    for (const KernelVariant& at : list.variants) add(at);
    const auto is_missing = [&list](const KernelVariant& at) {
        return std::any_of(list.missing.begin(), list.missing.end(),
                           [&](const MissingDevice& missing) { return missing.device == at.device; });
    };
    bool asked_for = false;
    for (const KernelVariant& at : list.absent) {
        if (is_missing(at)) continue;
        if (!asked_for) text += fmt::format("  {:<6} with --hopper:\n", at.device);
        asked_for = true;
        add(at);
    }
    for (const MissingDevice& missing : list.missing) {
        text += fmt::format("  {:<6} missing here: {}. {}\n", missing.device, missing.reason, missing.hint);
        for (const KernelVariant& at : list.absent) {
            if (at.device == missing.device) add(at);
        }
    }
    std::string last;
    for (const OpCase& at : cases) {
        if (at.op != last) text += "\n" + at.op + "\n";
        last = at.op;
        text += "  " + at.label() + "\n";
    }
    return text;
}

}  // namespace objloc::bench
