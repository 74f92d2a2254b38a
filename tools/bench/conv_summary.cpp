#include "tools/bench/conv_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "tools/bench/table.h"

namespace objloc::bench {
namespace {

bool is_layer_pass(const OpCase& op) {
    return op.op == "conv2d_forward" || op.op == "conv2d_backward_data" || op.op == "conv2d_backward_weights";
}

/// What a layer's pass has in common with and without the pool behind it.
auto layer_pass_of(const OpCase& op) {
    const Conv2dProblem& p = op.problem;
    return std::tuple(op.op, op.layer, p.N, p.H, p.W, p.C, p.K, p.R, p.S, p.stride_h, p.stride_w);
}
using LayerPass = decltype(layer_pass_of(std::declval<OpCase>()));

/// The run's layer-passes: where one was measured with its pool and without, the network has it with it.
std::map<LayerPass, const OpCase*> layer_passes(const std::vector<KernelResult>& results) {
    std::map<LayerPass, const OpCase*> passes;
    for (const KernelResult& result : results) {
        if (!is_layer_pass(*result.op)) continue;
        const OpCase*& known = passes[layer_pass_of(*result.op)];
        if (known == nullptr || result.op->problem.pool) known = result.op;
    }
    return passes;
}

/// A result, and what its device could do at best.
struct Entry {
    const KernelResult* result;
    MachinePeak peak;
};

ConvSummary summary_of(Precision precision, const std::string& version, size_t layer_passes,
                       const std::vector<Entry>& entries) {
    ConvSummary summary;
    summary.precision = precision, summary.version = version, summary.layer_passes = layer_passes;
    double logarithms = 0;
    for (const auto& [result, peak] : entries) {
        const double speedup = result->speedup;
        if (speedup > 0) {
            if (summary.compared == 0 || speedup < summary.worst_speedup) {
                summary.worst_speedup = speedup;
                summary.worst = result->op->op + " " + result->op->label();
            }
            logarithms += std::log(speedup);
            ++summary.compared;
        }
        const bool known = result->seconds > 0 && peak.flops_per_s > 0 && peak.bytes_per_s > 0;
        if (!known || result->op->flops / peak.flops_per_s < result->bytes / peak.bytes_per_s) continue;
        ++summary.arithmetic_bound;
        summary.near_peak += result->flops_per_s() >= kGoodShareOfPeak * peak.flops_per_s;
    }
    if (summary.compared > 0) {
        summary.mean_speedup = std::exp(logarithms / static_cast<double>(summary.compared));
    }
    return summary;
}

/// The fastest of each layer-pass; what is wrong was not timed and counts for nothing.
std::vector<Entry> best_of(const std::vector<Entry>& entries) {
    std::map<const OpCase*, Entry> best;
    for (const Entry& entry : entries) {
        if (entry.result->seconds <= 0) continue;
        const auto [at, fresh] = best.emplace(entry.result->op, entry);
        if (!fresh && entry.result->seconds < at->second.result->seconds) at->second = entry;
    }
    std::vector<Entry> list;
    for (const auto& [op, entry] : best) list.push_back(entry);
    return list;
}

}  // namespace

std::vector<ConvSummary> summarize_convolutions(const std::vector<KernelResult>& results,
                                                const std::vector<KernelVariant>& variants,
                                                const std::vector<MachinePeak>& peaks) {
    const auto passes = layer_passes(results);
    using Group = std::pair<std::string, Precision>;
    std::map<Group, std::vector<Entry>> of_group;
    std::map<Group, size_t> versions;
    std::vector<ConvSummary> summaries;
    for (size_t v = 0; v < variants.size(); ++v) {
        if (variants[v].yardstick) continue;
        std::vector<Entry> entries;
        for (const KernelResult& result : results) {
            if (result.variant != &variants[v] || !is_layer_pass(*result.op)) continue;
            if (passes.at(layer_pass_of(*result.op)) == result.op) entries.push_back({&result, peaks[v]});
        }
        if (entries.empty()) continue;
        summaries.push_back(summary_of(variants[v].precision, variants[v].name, passes.size(), entries));
        const Group group{variants[v].group, variants[v].precision};
        auto& all = of_group[group];
        all.insert(all.end(), entries.begin(), entries.end());
        ++versions[group];
    }
    for (const auto& [group, entries] : of_group) {
        if (versions[group] < 2) continue;
        summaries.push_back(summary_of(group.second, "best of ours", passes.size(), best_of(entries)));
    }
    std::stable_sort(summaries.begin(), summaries.end(),
                     [](const ConvSummary& a, const ConvSummary& b) { return a.precision < b.precision; });
    return summaries;
}

std::string conv_summary_text(const std::vector<ConvSummary>& summaries) {
    if (summaries.empty()) return "";
    Table table({"precision", "version", ">compared", ">mean", ">worst", "at", ">near the peak"});
    for (const ConvSummary& at : summaries) {
        const auto times = [&](double speedup) {
            return at.compared > 0 ? fmt::format("{:.2f}x", speedup) : std::string("-");
        };
        table.add({name_of(at.precision), at.version, fmt::format("{} of {}", at.compared, at.layer_passes),
                   times(at.mean_speedup), times(at.worst_speedup), at.worst,
                   fmt::format("{} of {}", at.near_peak, at.arithmetic_bound)});
    }
    return fmt::format(
        "Convolutions, layer by layer and pass by pass as the network has them, beside the yardstick of the "
        "same\n"
        "precision: geometric mean of the speeds, the worst one, and how many that are bound by arithmetic\n"
        "reach {:.0f}% of the peak.\n{}",
        100 * kGoodShareOfPeak, table.text());
}

}  // namespace objloc::bench
