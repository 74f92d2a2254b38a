#include "tools/bench/conv_tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "tools/bench/environment.h"
#include "tools/bench/kernel_report.h"

namespace objloc::bench {
namespace {

constexpr double kWorthIt = 1.02;
constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights};

/// What was measured of one kernel in one pass of one shape.
struct Candidate {
    const Conv2dVersion* version;
    int layers = 0;
    double seconds = 0;  // of all of them
    bool right = true;

    double mean() const { return seconds / layers; }
};
using Candidates = std::vector<Candidate>;

struct MeasuredShape {
    ConvTableLine line;
    std::map<ConvPass, Candidates> passes;
};

void add(Candidates& candidates, const KernelResult& result) {
    const auto same = [&](const Candidate& at) { return at.version == result.variant->version; };
    auto at = std::find_if(candidates.begin(), candidates.end(), same);
    if (at == candidates.end()) at = candidates.insert(at, {result.variant->version});
    ++at->layers;
    at->seconds += result.seconds;
    at->right = at->right && result.correctness.passed;
}

/// Results of one precision by shape, in their order.
std::vector<MeasuredShape> by_shape(int sm, Precision precision, const std::vector<KernelResult>& results) {
    std::vector<MeasuredShape> shapes;
    for (const KernelResult& result : results) {
        const std::optional<ConvPass> pass = result.op->pass();
        if (!pass || result.variant->precision != precision) continue;
        const Conv2dProblem& g = result.op->problem;
        const ConvTableLine line = {sm, precision, g.N * g.P() * g.Q(), g.C, g.K, g.R * g.S};
        const auto same = [&](const MeasuredShape& at) {
            return std::tie(at.line.pixels, at.line.C, at.line.K, at.line.taps) ==
                   std::tie(line.pixels, line.C, line.K, line.taps);
        };
        auto at = std::find_if(shapes.begin(), shapes.end(), same);
        if (at == shapes.end()) at = shapes.insert(at, {line, {}});
        add(at->passes[*pass], result);
    }
    return shapes;
}

/// Null when none was right.
const Candidate* fastest(const Candidates& candidates) {
    const Candidate *best = nullptr, *portable = nullptr;
    for (const Candidate& at : candidates) {
        if (!at.right) continue;
        if (best == nullptr || at.mean() < best->mean()) best = &at;
        const bool better = portable == nullptr || at.mean() < portable->mean();
        if (!at.version->needs.hopper && better) portable = &at;
    }
    return portable != nullptr && portable->mean() <= kWorthIt * best->mean() ? portable : best;
}

ConvTableEntry entry_of(const MeasuredShape& shape) {
    ConvTableEntry entry{shape.line, ""};
    std::string* const names[] = {&entry.line.forward, &entry.line.backward_data,
                                  &entry.line.backward_weights};
    for (size_t pass = 0; pass < std::size(kPasses); ++pass) {
        const auto measured = shape.passes.find(kPasses[pass]);
        const Candidate* best = measured == shape.passes.end() ? nullptr : fastest(measured->second);
        if (best != nullptr) *names[pass] = best->version->name;
        entry.note += best != nullptr ? fmt::format("{:.1f} ", 1e6 * best->mean()) : "- ";
    }
    entry.note += "us";
    return entry;
}

/// "NVIDIA H100 ..., compute capability 9.0, driver for CUDA 13.0; 2025-03-14T15:09:26Z, commit 1a2b3c4".
std::string origin_of(const BackendEntry& entry) {
    const std::string device = entry.make({})->description();
    return fmt::format("{}; {}, commit {}", device.substr(0, device.find(", computes in")), utc_date(),
                       git_commit());
}

bool has_choice(const MeasuredShape& shape) {
    return std::any_of(shape.passes.begin(), shape.passes.end(),
                       [](const auto& pass) { return pass.second.size() > 1; });
}

}  // namespace

std::vector<KernelVariant> tuning_variants(const BackendEntry& entry) {
    std::vector<KernelVariant> variants;
    for (const Precision precision : {Precision::bf16, Precision::tf32, Precision::fp32}) {
        for (const Conv2dVersion* version : entry.conv2d_versions) {
            if (version->needs.hopper && !entry.device.hopper) continue;
            variants.push_back(
                {.device = entry.name,
                 .name = fmt::format("{} {}", version->name, name_of(precision)),
                 .adds = "",
                 .group = "gpu",
                 .applies =
                     [=](const OpCase& op) {
                         const std::optional<ConvPass> pass = op.pass();
                         return pass && version->applies(*pass, op.problem, precision);
                     },
                 .make = [make = entry.make, precision,
                          version] { return make({.conv = version->name, .precision = precision}); },
                 .precision = precision,
                 .version = version});
        }
    }
    return variants;
}

std::vector<ConvTableEntry> fastest_kernels(int sm, const std::vector<KernelResult>& results) {
    std::vector<ConvTableEntry> entries;
    for (const Precision precision : {Precision::bf16, Precision::tf32, Precision::fp32}) {
        for (const MeasuredShape& shape : by_shape(sm, precision, results)) {
            if (has_choice(shape)) entries.push_back(entry_of(shape));
        }
    }
    return entries;
}

ConvTuning tune_convolutions(const BackendEntry& entry, const std::vector<OpCase>& cases,
                             const ConvTable& before, int repeats,
                             const std::function<void(const ConvTable&)>& keep, const TimeKernel& time) {
    const std::vector<KernelVariant> variants = tuning_variants(entry);
    const std::vector<MachinePeak> unknown(variants.size());
    const std::string origin = origin_of(entry);
    std::vector<KernelResult> results;
    ConvTable table = before;
    for (const OpCase& op : cases) {
        if (!op.pass()) continue;
        fmt::print(stderr, "{} {}\n", op.op, op.label());
        const auto more = measure_kernel(op, variants, unknown, repeats, time);
        results.insert(results.end(), more.begin(), more.end());
        table = with_section(before, {entry.device.sm, origin, fastest_kernels(entry.device.sm, results)});
        keep(table);
    }
    return {table, wrong_kernels(results)};
}

}  // namespace objloc::bench
