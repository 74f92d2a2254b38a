// The benchmarks at tiny sizes: that they run, that what they print can be read, that the parts of a step add
// up, and that a wrong kernel is found out before it is timed. No test here depends on how long anything
// takes.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/kernels/backends.h"
#include "tests/test_backends.h"
#include "tests/tools/tool.h"
#include "tools/bench/conv_summary.h"
#include "tools/bench/kernel_measurement.h"
#include "tools/bench/kernel_report.h"
#include "tools/bench/kernel_tiers.h"
#include "tools/bench/machine_peak.h"
#include "tools/bench/step_measurement.h"
#include "tools/bench/table.h"
#include "tools/bench/timing.h"

using namespace objloc;
using namespace objloc::bench;
using nlohmann::json;

namespace {

constexpr const char* kTinyStep =
    "step_bench --device cpu --model vgg16-slim --side 32 --batch 2 --steps 2 --warmup 1 --threads 2 ";

json run_json(const std::string& command) {
    const ScratchFolder folder;
    const ToolResult result = run_tool_line(command + " --json", folder.path());
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    return json::parse(result.out);
}

void check_refused(const std::string& command, const std::string& message) {
    const ScratchFolder folder;
    const ToolResult result = run_tool_line(command, folder.path());
    CAPTURE(command);
    CAPTURE(result.err);
    CHECK(result.exit_code != 0);
    CHECK(result.err.find(message) != std::string::npos);
    CHECK(result.err.find("should not happen") == std::string::npos);
}

std::set<std::string> names(const json& phases) {
    std::set<std::string> list;
    for (const auto& [name, seconds] : phases.items()) list.insert(name);
    return list;
}

StepOptions tiny_step() {
    StepOptions options;
    options.device.device = "cpu";
    options.model = "vgg16-slim";
    options.side = 32, options.batch = 2, options.steps = 1, options.warmup = 1;
    return options;
}

double sum_of_ops(const StepMeasurement& measured) {
    double sum = 0;
    for (const TimedOp& op : measured.ops) sum += op.seconds;
    return sum;
}

/// ReLU with one element in a thousand wrong, as a kernel that forgets the end of its last block.
class WrongRelu : public TimedBackend {
  public:
    explicit WrongRelu(Backend& inner) : TimedBackend(inner) {}
    void relu_forward(const Tensor& x, const Tensor& y) override {
        TimedBackend::relu_forward(x, y);
        fill(y.slice(y.count() - 1, {1}), -1.0f);
    }
};

/// Convolutions, variants and results made up for their summary.
class MadeUpRun {
  public:
    /// `flops` of an op that moves no bytes; a variant's peak is 100 operations a second.
    void add_case(const std::string& op, const std::string& layer, bool pool, double flops) {
        OpCase made;
        made.op = op, made.layer = layer, made.flops = flops;
        made.problem.pool = pool;
        cases_.push_back(std::make_unique<OpCase>(made));
    }
    void add_variant(const std::string& name, Precision precision, bool yardstick) {
        KernelVariant made;
        made.name = name, made.group = "gpu", made.precision = precision, made.yardstick = yardstick;
        variants_.push_back(made);
        peaks_.push_back({100, 1});
    }
    void add_result(size_t variant, size_t op, double seconds, double speedup, double bytes = 0) {
        KernelResult made;
        made.op = cases_[op].get(), made.variant = &variants_[variant];
        made.seconds = seconds, made.speedup = speedup, made.bytes = bytes;
        results_.push_back(made);
    }
    std::vector<ConvSummary> summaries() const { return summarize_convolutions(results_, variants_, peaks_); }

  private:
    std::vector<std::unique_ptr<OpCase>> cases_;
    std::vector<KernelVariant> variants_;
    std::vector<MachinePeak> peaks_;
    std::vector<KernelResult> results_;
};

OpCase case_of(const std::string& op) {
    return select_cases({.op = op, .tier = "small", .batch = 2}).front();
}

}  // namespace

TEST_SUITE_BEGIN("bench");

TEST_CASE("step_bench prints one JSON object for training, frozen training and inference") {
    const json train = run_json(kTinyStep);
    for (const char* key : {"device", "description", "model", "batch", "threads", "cpu_conv", "median_s",
                            "best_s", "images_per_s", "gflop_per_s", "phases", "phases_sum_s", "ops",
                            "allocator_peak_bytes", "process_peak_bytes", "date", "git_commit"}) {
        CAPTURE(key);
        CHECK(train.contains(key));
    }
    CHECK(names(train["phases"]) ==
          std::set<std::string>{"scenes", "forward", "backward", "update", "other"});
    CHECK(train["threads"] == 2);
    CHECK(train["best_s"] <= train["median_s"]);
    CHECK(train["allocator_peak_bytes"] > 0);

    const json frozen = run_json(std::string(kTinyStep) + "--freeze backbone");
    const json inference = run_json(std::string(kTinyStep) + "--inference");
    CHECK(names(inference["phases"]) == std::set<std::string>{"forward", "other"});
    // One forward pass of convolutions each; training has their gradients too.
    const auto work = [](const json& at) {
        return at["gflop_per_s"].get<double>() * at["median_s"].get<double>();
    };
    CHECK(work(frozen) == doctest::Approx(work(inference)));
    CHECK(work(train) == doctest::Approx(3 * work(inference)));
}

TEST_CASE("the phases of a step add up to the step, and its ops to its phases") {
    for (const bool inference : {false, true}) {
        StepOptions options = tiny_step();
        options.inference = inference;
        const StepMeasurement measured = measure_step(options);  // one step: medians are the step itself
        CHECK(measured.phases_sum() == doctest::Approx(measured.split.front()));
        const PhaseTime& other = measured.phases.back();
        REQUIRE(other.name == "other");
        CHECK(other.seconds >= 0);
        CHECK(sum_of_ops(measured) == doctest::Approx(measured.phases_sum() - other.seconds));
        CHECK(measured.whole.size() == 1);
        double flops = 0;
        for (const TimedOp& op : measured.ops) flops += op.flops;
        // The first layer has no data gradient, so a training step computes a little less than it counts.
        CHECK(flops <= measured.flops * 1.000001);
        CHECK(flops > measured.flops * 0.9);
    }
}

TEST_CASE("ops are named by layer and sizes") {
    const StepMeasurement measured = measure_step(tiny_step());
    const auto has = [&](const std::string& op, const std::string& layer, const std::string& shape) {
        return std::any_of(measured.ops.begin(), measured.ops.end(), [&](const TimedOp& at) {
            return at.op == op && at.layer == layer && at.shape == shape;
        });
    };
    CHECK(has("conv2d_forward", "1_1", "32x32x3->16"));
    CHECK(has("conv2d_backward_data", "5_1", "2x2x128->128"));
    CHECK(has("conv2d_backward_weights", "2_2", "16x16x32->32 pool"));
    CHECK(has("conv2d_backward_bias", "2_2", "16x16x32->32 pool"));
    CHECK(has("dense_backward_weights", "dense", "128->3"));
    CHECK_FALSE(has("conv2d_backward_data", "1_1", "32x32x3->16"));
}

TEST_CASE("what a device cannot do is refused with a reason") {
    check_refused(std::string(kTinyStep) + "--precision fp16", "--precision");
    check_refused("kernel_bench --device cpu --op no_such_op", "there is no such op");
    check_refused("kernel_bench --device cpu --shape 1,2,3", "--shape");
    check_refused("kernel_bench --device cpu --shape 4,0,8,8,8", "--shape");
    check_refused("kernel_bench --device cpu --op dense --shape 4,8,8,8,8", "is no convolution");
}

TEST_CASE("kernel_bench runs every op of the small tier, and all are right") {
    const json result = run_json("kernel_bench --device cpu --tier small --batch 2 --repeats 1 --threads 1");
    std::set<std::string> ops, variants;
    for (const json& row : result["results"]) {
        CAPTURE(row.dump());
        CHECK(row["correct"] == true);
        CHECK(row["median_s"] > 0);
        ops.insert(row["op"]);
        variants.insert(row["variant"]);
        if (row["variant"] == "direct (oneDNN)") CHECK(row["speedup_over_yardstick"] == 1);
        if (row["variant"] == "winograd") CHECK(row["speedup_over_yardstick"] > 0);
    }
    CHECK(variants == std::set<std::string>{"direct (oneDNN)", "winograd", "cpu"});
    REQUIRE(result["convolutions"].size() == 1);
    CHECK(result["convolutions"][0]["version"] == "winograd");
    CHECK(result["convolutions"][0]["compared"] > 0);
    for (const char* op : {"conv2d_forward",
                           "conv2d_backward_data",
                           "conv2d_backward_weights",
                           "conv2d_backward_bias",
                           "max_pool2d_backward",
                           "dense_forward",
                           "relu_backward",
                           "sigmoid_bce_forward",
                           "adam_update",
                           "draw_scenes",
                           "box_metrics",
                           "giou_loss_backward",
                           "copy_columns",
                           "cell_boxes_forward",
                           "cell_boxes_backward",
                           "detection_targets",
                           "detection_loss_backward",
                           "upsample2d_forward",
                           "upsample2d_backward",
                           "convert"}) {
        CAPTURE(op);
        CHECK(ops.count(op) == 1);
    }
}

TEST_CASE("what one kernel throws is its failure, and the others are measured") {
    const OpCase op = case_of("bce_forward");
    KernelVariant broken, whole;
    broken.name = "broken";
    broken.applies = whole.applies = [](const OpCase&) { return true; };
    broken.make = []() -> std::unique_ptr<Backend> { throw Error("here", "it breaks"); };
    whole.make = [] { return builtin_backends().make("cpu", {}); };
    const std::vector<KernelVariant> variants = {broken, whole};
    const auto results = measure_kernel(op, variants, {MachinePeak{}, MachinePeak{}}, 1);
    REQUIRE(results.size() == 2);
    CHECK(results[0].failure.find("it breaks") != std::string::npos);
    CHECK_FALSE(results[0].correctness.passed);
    CHECK(results[1].failure.empty());
    CHECK(results[1].seconds > 0);
    CHECK(wrong_kernels(results).find("it breaks") != std::string::npos);
    CHECK(kernel_table(results).find("FAILED") != std::string::npos);
}

TEST_CASE("kernel_bench takes one precision, and writes its JSON beside the tables") {
    check_refused("kernel_bench --device cpu --precision bf16", "no kernel of the chosen devices");
    const ScratchFolder folder;
    const ToolResult ran = run_tool_line(
        "kernel_bench --device cpu --op conv2d_forward --shape 1,6,6,8,8 --precision fp32 --repeats 1 "
        "--json-file kernels.json",
        folder.path());
    REQUIRE(ran.exit_code == 0);
    CHECK(ran.out.find("of floor") != std::string::npos);
    const std::vector<uint8_t> bytes = read_file((folder.path() / "kernels.json").string());
    const json result = json::parse(bytes.begin(), bytes.end());
    CHECK(result["results"].size() == 4);  // with a pool and without, each direct and by Winograd
    CHECK(!result["variants"][0]["machine"].get<std::string>().empty());
}

TEST_CASE("kernel_bench takes one shape, and lists without running") {
    const json one = run_json("kernel_bench --device cpu --op conv2d_forward --shape 1,6,6,8,8 --repeats 1");
    CHECK(one["results"].size() == 4);  // plain and pooled, direct and Winograd
    const ScratchFolder folder;
    const ToolResult list = run_tool_line("kernel_bench --list", folder.path());
    CHECK(list.exit_code == 0);
    for (const char* text : {"winograd", "direct (oneDNN)", "1 tiled fp32", "2 mma tf32", "3 mma bf16",
                             "7 wgmma bf16, clusters", "cudnn fp32", "cudnn tf32", "cudnn bf16", "Taught: ",
                             "unmeasured on a GPU", "conv2d_backward_weights", "5_3 8x8x512->512 pool"}) {
        CAPTURE(text);
        CHECK(list.out.find(text) != std::string::npos);
    }
}

TEST_CASE("a wrong kernel is found out and not timed") {
    const auto cpu = test_backends().front();
    const OpCase op = case_of("relu_forward");
    const Arrays in = draw_inputs(op);
    const Expectation expected = expect(op, in);
    CHECK(check(op, *cpu, in, expected, 1, 0).passed);
    WrongRelu wrong(*cpu);
    CHECK_FALSE(check(op, wrong, in, expected, 1, 0).passed);

    KernelVariant variant{
        .device = "cpu",
        .name = "wrong",
        .adds = "",
        .group = "cpu",
        .applies = [](const OpCase&) { return true; },
        .make = [&]() -> std::unique_ptr<Backend> { return std::make_unique<WrongRelu>(*cpu); }};
    const std::vector<KernelResult> results = measure_kernel(op, {variant}, {MachinePeak{}}, 1);
    REQUIRE(results.size() == 1);
    CHECK_FALSE(results.front().correctness.passed);
    CHECK(results.front().seconds == 0);
}

TEST_CASE("convolutions are summed up by version and by precision, each layer as the network has it") {
    MadeUpRun run;
    run.add_case("conv2d_forward", "1_1", false, 1000);
    run.add_case("conv2d_forward", "1_2", false, 1000);  // the network has it with its pool
    run.add_case("conv2d_forward", "1_2", true, 1000);
    run.add_case("conv2d_backward_weights", "1_1", false, 1000);
    run.add_case("conv2d_backward_bias", "1_1", false, 0);
    run.add_variant("2 mma", Precision::bf16, false);
    run.add_variant("5 wgmma", Precision::bf16, false);
    run.add_variant("1 tiled", Precision::fp32, false);
    run.add_variant("cudnn bf16", Precision::bf16, true);
    run.add_result(0, 0, 10, 4);        // reaches the peak
    run.add_result(0, 1, 10, 100);      // not as the network has it
    run.add_result(0, 2, 14, 0.5);      // 71% of the peak
    run.add_result(0, 3, 10, 0.5, 11);  // bound by memory: 11 s
    run.add_result(0, 4, 1, 100);       // no layer-pass
    run.add_result(1, 0, 20, 2);
    run.add_result(1, 2, 13, 0.54);  // 77%
    run.add_result(1, 3, 0, 0);      // wrong, so neither timed nor compared
    run.add_result(2, 0, 10, 0);     // no yardstick in fp32
    run.add_result(3, 0, 40, 1);
    const std::vector<ConvSummary> all = run.summaries();
    REQUIRE(all.size() == 4);

    const auto check = [](const ConvSummary& at, const std::string& version, size_t compared, double mean,
                          double worst, const std::string& where, size_t bound, size_t near_peak) {
        CAPTURE(version);
        CHECK(at.version == version);
        CHECK(at.layer_passes == 3);
        CHECK(at.compared == compared);
        CHECK(at.mean_speedup == doctest::Approx(mean));
        CHECK(at.worst_speedup == doctest::Approx(worst));
        CHECK(at.worst == where);
        CHECK(at.arithmetic_bound == bound);
        CHECK(at.near_peak == near_peak);
    };
    const std::string pooled = "conv2d_forward 1_2 ", weights = "conv2d_backward_weights 1_1 ";
    check(all[0], "1 tiled", 0, 0, 0, "", 1, 1);
    check(all[1], "2 mma", 3, 1, 0.5, pooled, 2, 1);
    check(all[2], "5 wgmma", 2, std::sqrt(2 * 0.54), 0.54, pooled, 2, 1);
    check(all[3], "best of ours", 3, std::cbrt(4 * 0.54 * 0.5), 0.5, weights, 2, 2);

    const std::string text = conv_summary_text(all);
    CHECK(text.find("best of ours") != std::string::npos);
    CHECK(text.find("0 of 3") != std::string::npos);
    CHECK(conv_summary_text({}).empty());
}

TEST_CASE("a kernel is compared with the yardstick of its own precision") {
    const auto cpu = test_backends().front();
    std::vector<KernelVariant> variants;
    for (const bool yardstick : {false, true}) {
        for (const Precision precision : {Precision::fp32, Precision::tf32}) {
            variants.push_back(
                {.device = "cpu",
                 .name = name_of(precision),
                 .adds = "",
                 .group = "gpu",
                 .applies = [](const OpCase&) { return true; },
                 .make = [&]() -> std::unique_ptr<Backend> { return std::make_unique<TimedBackend>(*cpu); },
                 .yardstick = yardstick,
                 .precision = precision});
        }
    }
    const OpCase op = case_of("relu_forward");
    const std::vector<KernelResult> results =
        measure_kernel(op, variants, std::vector<MachinePeak>(variants.size()), 1);
    REQUIRE(results.size() == 4);
    for (size_t at = 0; at < 4; ++at) {
        CHECK(results[at].speedup == doctest::Approx(results[2 + at % 2].seconds / results[at].seconds));
    }
    // The other precision's is none.
    CHECK(measure_kernel(op, {variants[0], variants[3]}, {{}, {}}, 1).front().speedup == 0);
}

TEST_CASE("an unwritten output and a NaN are wrong") {
    const auto cpu = test_backends().front();
    for (const char* name : {"add", "max_pool2d_forward", "conv2d_forward"}) {
        CAPTURE(name);
        OpCase op = case_of(name);
        const Arrays in = draw_inputs(op);
        const Expectation expected = expect(op, in);
        op.run = [](Backend&, const std::vector<Tensor>&, const std::vector<Tensor>&) {};
        CHECK_FALSE(check(op, *cpu, in, expected, 16, 0).passed);
    }
}

TEST_CASE("floors take the longer of computing and moving") {
    const MachinePeak peak{100, 10};
    CHECK(peak.floor_seconds(200, 10) == doctest::Approx(2));
    CHECK(peak.floor_seconds(200, 50) == doctest::Approx(5));
    CHECK(MachinePeak{}.floor_seconds(200, 50) == 0);
    const MachinePeak here = measure_cpu_peak(1);
    CHECK(here.flops_per_s > 1e8);
    CHECK(here.bytes_per_s > 1e7);
    CHECK(here.flops_per_s < 1e12);  // one core; more would mean that the compiler left work out
}

TEST_CASE("medians, units and tables") {
    CHECK(median({3, 1, 2}) == 2);
    CHECK(median({4, 1, 2, 3}) == 2.5);
    CHECK(best({3, 1, 2}) == 1);
    CHECK(time_text(1.5) == "1.500 s");
    CHECK(time_text(0.0125) == "12.5 ms");
    CHECK(bytes_text(3.1e6) == "3.1 MB");
    CHECK(share_text(0) == "-");
    Table table({"name", ">n"});
    table.add({"a", "10"});
    table.add({"long"});
    CHECK(table.text() == "name   n\n----  --\na     10\nlong\n");
}

TEST_SUITE_END();
