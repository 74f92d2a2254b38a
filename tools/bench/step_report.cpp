#include "tools/bench/step_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/bench/environment.h"
#include "tools/bench/table.h"
#include "tools/bench/timing.h"

namespace objloc::bench {
namespace {

const char* what(const StepOptions& options) {
    return options.inference ? "inference" : "train_step";
}

double share_of_floor(const MachinePeak& peak, const TimedOp& op) {
    return op.seconds > 0 ? peak.floor_seconds(op.flops, op.bytes) / op.seconds : 0;
}

std::string headline(const StepOptions& options, const StepMeasurement& m) {
    return fmt::format("{} of {}, batch {}, {}x{} pixels, {}, freeze {}, cpu-conv {}\nDevice: {}, {}\n",
                       options.inference ? "Inference" : "Training step", options.model, options.batch,
                       options.side, options.side, options.device.precision, options.freeze,
                       options.device.cpu_conv, m.device, m.description);
}

std::string totals(const StepOptions& options, const StepMeasurement& m) {
    const double seconds = median(m.whole), rate = m.flops / seconds;
    std::string text = fmt::format("\nWhole step, undisturbed: median {}, best {} of {}\n",
                                   time_text(seconds), time_text(best(m.whole)), m.whole.size());
    text += fmt::format("Images a second:         {:.2f}\n", static_cast<double>(options.batch) / seconds);
    text += fmt::format("GFLOP/s:                 {}", giga_text(rate));
    if (m.peak.flops_per_s > 0)
        text += fmt::format(", {} of fp32's peak", share_text(rate / m.peak.flops_per_s));
    text += fmt::format("\nPeak memory:             {} reserved for tensors, {} by the process in all\n",
                        bytes_text(static_cast<double>(m.allocator_peak_bytes)),
                        bytes_text(static_cast<double>(m.process_peak_bytes)));
    return text;
}

std::string phase_table(const StepMeasurement& m) {
    Table table({"phase", ">time", ">share"});
    const double sum = m.phases_sum();
    for (const PhaseTime& phase : m.phases) {
        table.add({phase.name, time_text(phase.seconds), share_text(phase.seconds / sum)});
    }
    table.add({"sum", time_text(sum), "100%"});
    return "\nThe split step of middle length:\n" + table.text() +
           fmt::format("Split steps took {} of the undisturbed ones beside them (median).\n",
                       share_text(m.split_ratio()));
}

std::vector<std::string> op_row(const StepMeasurement& m, const std::string& name, const TimedOp& op) {
    return {name,
            time_text(op.seconds),
            share_text(op.seconds / m.phases_sum()),
            giga_text(op.flops / op.seconds),
            giga_text(op.bytes / op.seconds),
            share_text(share_of_floor(m.peak, op))};
}

std::string op_tables(const StepMeasurement& m) {
    const std::vector<std::string> columns = {">time", ">share", ">GFLOP/s", ">GB/s", ">of floor"};
    std::vector<std::string> headings = {"op and layer"};
    headings.insert(headings.end(), columns.begin(), columns.end());
    Table layers(headings);
    std::vector<TimedOp> sums;
    for (const TimedOp& op : m.ops) {
        layers.add(
            op_row(m, fmt::format("{} {}{}{}", op.op, op.layer, op.layer.empty() ? "" : " ", op.shape), op));
        const auto same =
            std::find_if(sums.begin(), sums.end(), [&](const TimedOp& sum) { return sum.op == op.op; });
        if (same == sums.end()) {
            sums.push_back(op);
        } else {
            same->flops += op.flops, same->bytes += op.bytes, same->seconds += op.seconds;
        }
    }
    std::sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    headings.front() = "op, all layers";
    headings.pop_back();  // a sum has no one floor
    Table ops(headings);
    for (const TimedOp& sum : sums) ops.add(op_row(m, sum.op, sum));
    return "\n" + layers.text() + "\n" + ops.text();
}

std::string notes(const StepMeasurement& m) {
    const double flops = m.peak.flops_per_s, bytes = m.peak.bytes_per_s;
    return fmt::format(
        "\nGFLOP/s counts 2 x multiply-adds of the convolutions as direct sums and of the dense layer, "
        "backward "
        "twice\nforward (nothing for a frozen backbone). Floor: operations over {} GFLOP/s or bytes over {} "
        "GB/s, whichever takes\nlonger ({}). Winograd multiplies less than a direct sum does, so it may pass "
        "100%; so may an op whose data a\ncache still holds. Split steps wait for the device around each op; "
        "the undisturbed ones do not.\n",
        giga_text(flops), giga_text(bytes), m.peak.source);
}

nlohmann::ordered_json ops_json(const StepMeasurement& m) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const TimedOp& op : m.ops) {
        list.push_back({{"op", op.op},
                        {"layer", op.layer},
                        {"shape", op.shape},
                        {"median_s", op.seconds},
                        {"gflop", op.flops / 1e9},
                        {"gbyte", op.bytes / 1e9},
                        {"share_of_floor", share_of_floor(m.peak, op)}});
    }
    return list;
}

}  // namespace

std::string step_table(const StepOptions& options, const StepMeasurement& m) {
    return headline(options, m) + totals(options, m) + phase_table(m) + op_tables(m) + notes(m);
}

std::string step_json(const StepOptions& options, const StepMeasurement& m) {
    const double seconds = median(m.whole);
    nlohmann::ordered_json phases;
    for (const PhaseTime& phase : m.phases) phases[phase.name] = phase.seconds;
    const nlohmann::ordered_json json = {
        {"program", "objloc step_bench"},
        {"what", what(options)},
        {"device", m.device},
        {"description", m.description},
        {"model", options.model},
        {"batch", options.batch},
        {"side", options.side},
        {"freeze", options.freeze},
        {"precision", options.device.precision},
        {"threads", m.threads},
        {"cpu_conv", options.device.cpu_conv},
        {"median_s", seconds},
        {"best_s", best(m.whole)},
        {"images_per_s", static_cast<double>(options.batch) / seconds},
        {"gflop_per_s", m.flops / seconds / 1e9},
        {"split_median_s", median(m.split)},
        {"split_over_undisturbed", m.split_ratio()},
        {"phases", phases},
        {"phases_sum_s", m.phases_sum()},
        {"ops", ops_json(m)},
        {"peak_gflop_per_s", m.peak.flops_per_s / 1e9},
        {"peak_copy_gb_per_s", m.peak.bytes_per_s / 1e9},
        {"peak_source", m.peak.source},
        {"allocator_peak_bytes", m.allocator_peak_bytes},
        {"process_peak_bytes", m.process_peak_bytes},
        {"date", utc_date()},
        {"git_commit", git_commit()},
    };
    return json.dump();
}

}  // namespace objloc::bench
