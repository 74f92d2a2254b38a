#include "tools/bench/step_measurement.h"

#include <algorithm>
#include <map>
#include <memory>

#include "objloc/engine/ops/ops.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/models/localizer.h"
#include "objloc/models/localizer_step.h"
#include "tools/bench/environment.h"
#include "tools/bench/timing.h"

namespace objloc::bench {
namespace {

constexpr double kLearningRate = 1e-6;  // small: a random VGG16 must not run away while it is timed

LocalizerConfig config_of(const StepOptions& options) {
    LocalizerConfig config;
    config.width = options.model == "vgg16-slim" ? 0.25 : 1;
    config.side = options.side;
    return config;
}

SceneSpec natural_scenes(const LocalizerConfig& config) {
    SceneSpec spec;
    spec.kind = SceneKind::natural;
    spec.side = static_cast<int32_t>(config.side);
    spec.outputs = config.outputs();
    return spec;
}

/// "block2_conv2" -> "2_2"; other names stay.
std::string short_name(const std::string& layer) {
    const size_t conv = layer.find("_conv");
    if (!layer.starts_with("block") || conv == std::string::npos) return layer;
    return layer.substr(5, conv - 5) + "_" + layer.substr(conv + 5);
}

/// What all measured steps share: the model, placed, and the stopwatch around the device.
struct Bench {
    explicit Bench(const StepOptions& options)
        : device(options.device.make()), timed(*device), localizer(config_of(options), 0) {
        if (options.freeze == "backbone") localizer.parameters().freeze(Localizer::in_backbone);
        localizer.parameters().to_device(*device);
        for (const Parameter& parameter : localizer.parameters().all()) {
            timed.name_tensor(parameter.value, short_name(parameter.layer()));
            if (parameter.gradient) timed.name_tensor(parameter.gradient, short_name(parameter.layer()));
            if (parameter.bf16_copy) timed.name_tensor(parameter.bf16_copy, short_name(parameter.layer()));
        }
    }

    std::unique_ptr<Backend> device;
    TimedBackend timed;
    Localizer localizer;
};

using Step = std::function<void()>;

/// Makes training steps as objloc_train has them. The optimizer and the scenes are shared; they go through
/// the stopwatch, which does nothing unless it records.
class Training {
  public:
    Training(Bench& bench, const StepOptions& options)
        : bench_(bench),
          optimizer_(bench.timed, bench.localizer.parameters(), {}, Localizer::in_backbone),
          scenes_(bench.timed, natural_scenes(bench.localizer.config())),
          images_{options.batch, options.side, options.side, 3},
          boxes_{options.batch, bench.localizer.config().outputs()} {}

    Step step_on(Backend& backend) {
        const auto step = std::make_shared<LocalizerStep>(
            backend, optimizer_,
            LocalizerStep::Parts{
                [this](const Tensor& images, const Tensor& boxes) { scenes_.draw(images, boxes); },
                training_graph(bench_.localizer, BoxLoss{}), images_, boxes_});
        return [step] { step->run(kLearningRate); };
    }

  private:
    Bench& bench_;
    Optimizer optimizer_;
    SceneGenerator scenes_;
    Shape images_, boxes_;
};

/// Images to boxes, always the same images.
class Inference {
  public:
    Inference(Bench& bench, const StepOptions& options)
        : bench_(bench), images_(bench.device->allocate({options.batch, options.side, options.side, 3})) {
        SceneGenerator scenes(*bench.device, natural_scenes(bench.localizer.config()));
        const int outputs = bench.localizer.config().outputs();
        scenes.draw(images_, bench.device->allocate({options.batch, outputs}));
    }

    Step step_on(Backend& backend) {
        return backend.capture([this, &backend] {
            Tape tape(backend, /*recording=*/false);
            bench_.localizer.predict(tape, tape.constant(images_));
        });
    }

  private:
    Bench& bench_;
    Tensor images_;
};

double timed_run(Backend& backend, const Step& step) {
    backend.synchronize();
    const Clock::time_point begin = Clock::now();
    step();
    backend.synchronize();
    return seconds_since(begin);
}

/// Calls of the same op on the same layer and sizes as one, in the order of the first.
std::vector<TimedOp> merged(const std::vector<TimedOp>& calls) {
    std::vector<TimedOp> ops;
    for (const TimedOp& call : calls) {
        const auto same = std::find_if(ops.begin(), ops.end(), [&](const TimedOp& op) {
            return op.op == call.op && op.layer == call.layer && op.shape == call.shape;
        });
        if (same == ops.end()) {
            ops.push_back(call);
        } else {
            same->flops += call.flops, same->bytes += call.bytes, same->seconds += call.seconds;
        }
    }
    return ops;
}

/// One split step.
struct SplitStep {
    double whole = 0;
    std::vector<PhaseTime> phases;
    std::vector<TimedOp> ops;
};

SplitStep split_step(const std::vector<TimedOp>& calls, double whole) {
    std::map<std::string, double> seconds;
    std::string phase = "update";  // a step begins by sending its learning rate
    double inside = 0;
    for (const TimedOp& call : calls) {
        phase = phase_of(call.op, phase);
        seconds[phase] += call.seconds;
        inside += call.seconds;
    }
    seconds["other"] = whole - inside;
    SplitStep step{whole, {}, merged(calls)};
    for (const char* name : {"scenes", "forward", "backward", "update", "other"}) {
        if (seconds.count(name) > 0) step.phases.push_back({name, seconds.at(name)});
    }
    return step;
}

/// The step whose whole time is the middle one. One real step rather than a median of each part: parts of
/// different steps do not add up to any step when the machine is busy with other things now and then.
const SplitStep& median_step(std::vector<SplitStep>& steps) {
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end(),
                     [](const SplitStep& a, const SplitStep& b) { return a.whole < b.whole; });
    return *middle;
}

template <typename Work>
void measure(Work& work, Bench& bench, const StepOptions& options, StepMeasurement& result) {
    const Step whole = work.step_on(*bench.device);
    for (int i = 0; i < std::max(1, options.warmup); ++i) timed_run(*bench.device, whole);
    result.allocator_peak_bytes = bench.device->allocator().reserved_high_water_mark();
    result.process_peak_bytes = process_peak_bytes();

    const Step split = work.step_on(bench.timed);
    timed_run(bench.timed, split);
    std::vector<SplitStep> steps;
    for (int i = 0; i < options.steps; ++i) {
        result.whole.push_back(timed_run(*bench.device, whole));
        bench.timed.record(true);
        result.split.push_back(timed_run(bench.timed, split));
        bench.timed.record(false);
        steps.push_back(split_step(bench.timed.take(), result.split.back()));
    }
    const SplitStep& step = median_step(steps);
    result.phases = step.phases;
    result.ops = step.ops;
}

}  // namespace

void StepOptions::add_to(CLI::App& app) {
    app.add_option("--model", model, "vgg16, or vgg16-slim: a quarter of its channels")
        ->check(CLI::IsMember({"vgg16", "vgg16-slim"}))
        ->capture_default_str();
    app.add_option("--batch", batch, "images a step")->check(CLI::Range(1, 65536))->capture_default_str();
    app.add_option("--side", side, "pixels of the square images")
        ->check(CLI::Range(32, 1024))
        ->capture_default_str();
    app.add_flag("--inference", inference, "time images to boxes instead of a training step");
    app.add_option("--freeze", freeze, "backbone: train the head alone")
        ->check(CLI::IsMember({"none", "backbone"}))
        ->capture_default_str();
    app.add_option("--steps", steps, "undisturbed steps to time, and as many split by op")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--warmup", warmup, "steps before that, at least 1")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    device.add_to(app);
}

double StepMeasurement::phases_sum() const {
    double sum = 0;
    for (const PhaseTime& phase : phases) sum += phase.seconds;
    return sum;
}

double StepMeasurement::split_ratio() const {
    std::vector<double> ratios;
    for (size_t i = 0; i < whole.size(); ++i) ratios.push_back(split[i] / whole[i]);
    return median(ratios);
}

std::string phase_of(const std::string& op, const std::string& current) {
    if (op == "draw_scenes" || op == "advance") return "scenes";
    if (op == "sum_squares" || op == "adam_update" || op == "sgd_update") return "update";
    if (op.find("_backward") != std::string::npos) return "backward";
    if (op.find("_forward") != std::string::npos || op == "box_metrics") return "forward";
    return current;
}

StepMeasurement measure_step(const StepOptions& options) {
    Bench bench(options);
    StepMeasurement result;
    result.device = bench.device->name();
    result.description = bench.device->description();
    result.threads = options.device.threads > 0 ? options.device.threads : cpu::usable_threads();
    result.forward_flops = bench.localizer.forward_flops();
    const double passes = options.inference || options.freeze == "backbone" ? 1 : 3;
    result.flops = passes * result.forward_flops * static_cast<double>(options.batch);
    if (options.inference) {
        Inference inference(bench, options);
        measure(inference, bench, options, result);
    } else {
        Training training(bench, options);
        measure(training, bench, options, result);
    }
    // Afterwards, because it needs memory of its own.
    bench.device->allocator().trim();
    result.peak = peak_of(*bench.device, result.threads);
    return result;
}

}  // namespace objloc::bench
