#include "tools/train/run.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "objloc/engine/error.h"
#include "objloc/generators/scene_generator.h"
#include "objloc/models/localizer_step.h"
#include "objloc/models/model_file.h"
#include "tools/common/evaluation.h"
#include "tools/common/pictures.h"
#include "tools/common/progress.h"
#include "tools/train/collapse_detector.h"
#include "tools/train/detector_run.h"
#include "tools/train/run_folder.h"
#include "tools/train/run_record.h"

namespace objloc {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The looks that pictures are trained with; evaluation shows them as they are.
Augmentation variety(const TrainOptions& options) {
    return {options.sprite_variants, options.background_variants, options.seed};
}

std::string metrics_line(const BoxReport& report, const TrainOptions& options, int64_t step, double rate,
                         double gradient_norm, double images_per_second) {
    const nlohmann::ordered_json json = {
        {"step", step},
        {"epoch", (step - 1) / options.steps_per_epoch + 1},
        {"learning_rate", rate},
        {"loss", report.loss},
        {"loss_floor", report.floor},
        {"loss_above_floor", report.loss - report.floor},
        {"iou", report.iou},
        {"iou_over_50", report.over_50},
        {"iou_over_75", report.over_75},
        {"centre_error_pixels", report.centre_error * static_cast<double>(options.side)},
        {"prediction_variance", report.variance},
        {"gradient_norm", gradient_norm},
        {"images_per_second", images_per_second},
    };
    return json.dump();
}

/// One training run's moving parts; `train` below tells the story.
class Run {
  public:
    Run(const TrainOptions& options, ModelChoice choice)
        : options_(options),
          backend_(options.device.make()),
          folder_(options.out, options.scene),
          localizer_(choice.config, options.seed),
          sources_{options.sprites.empty() ? "" : options.sprites.front(), options.backgrounds,
                   /*held_out=*/false, variety(options)},
          scenes_(*backend_,
                  scene_spec(scene_kind(options.scene), choice.config, options.seed, kTrainingStream),
                  sources_),
          schedule_(options.make_schedule()) {
        fmt::print("{}\nDevice: {}\nRun folder: {}\n", choice.reason, backend_->description(),
                   folder_.path());
        for (const std::string& file : scenes_.skipped_files()) fmt::print("Skipped, no image: {}\n", file);
        if (!choice.weights.empty()) fmt::print("{}", load_weights(localizer_, choice.weights).text());
        if (options.freeze == "backbone") localizer_.parameters().freeze(Localizer::in_backbone);
        localizer_.parameters().to_device(*backend_);
        folder_.write("config.json", config_text(options_, localizer_, *backend_));
        write_samples();
    }

    void train() {
        Optimizer optimizer(*backend_, localizer_.parameters(), options_.make_optimizer_options(),
                            Localizer::in_backbone);
        const LocalizerConfig& config = localizer_.config();
        LocalizerStep step(
            *backend_, optimizer,
            {[this](const Tensor& images, const Tensor& boxes) { scenes_.draw(images, boxes); },
             training_graph(localizer_, parse_box_loss(options_.loss)),
             {options_.batch, config.side, config.side, 3},
             {options_.batch, config.outputs()}});
        const auto scenes_to_examine = [this] {
            const SceneSpec& spec = scenes_.spec();
            return SceneGenerator(
                *backend_, scene_spec(spec.kind, localizer_.config(), options_.seed, kWatchStream), sources_);
        };
        watch_.emplace(*backend_, localizer_, scenes_to_examine, options_.total_steps());
        begin_ = Clock::now();
        for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) run_epoch(step, optimizer, epoch);
        training_seconds_ = seconds_since(begin_);
        save_model(folder_.file("model.h5"), localizer_);
    }

    /// Advice after memory ran out with `free_bytes` left.
    std::string batch_that_fits(size_t free_bytes) const {
        // What the step had taken is free again for the next try; a tenth is left for the kernels' scratch
        // memory.
        const double available =
            0.9 * static_cast<double>(free_bytes + backend_->allocator().bytes_reserved());
        const double batch = available / localizer_.training_bytes_per_image(backend_->activation_type());
        return batch < 1 ? "Not even --batch 1 would fit: try --model vgg16-slim or a smaller --side."
                         : fmt::format("--batch {} would fit.",
                                       std::min(static_cast<int64_t>(batch), options_.batch - 1));
    }

    void report() {
        SceneSources unseen = sources_;
        unseen.variety = {};
        unseen.held_out = true;  // where the backgrounds come with the program
        SceneGenerator held_out(
            *backend_, scene_spec(scenes_.spec().kind, localizer_.config(), options_.seed, kHeldOutStream),
            unseen);
        const Evaluation evaluation =
            evaluate(*backend_, localizer_, held_out, options_.held_out, options_.batch);
        write_predictions(folder_.file("predictions.png"), *backend_, localizer_, held_out);
        const std::string text =
            evaluation.text() +
            fmt::format("Training time            {} ({:.1f} images/s)\n", duration_text(training_seconds_),
                        static_cast<double>(options_.total_steps() * options_.batch) / training_seconds_);
        folder_.write("summary.txt", text);
        fmt::print("{}\nTry it on a picture:  objloc_predict --model {} PICTURE\n", text,
                   folder_.file("model.h5"));
    }

  private:
    void write_samples() {
        write_scene_sheet(folder_.file("samples.png"), *backend_, scenes_);
        scenes_.seek(0);
    }

    void run_epoch(LocalizerStep& step, const Optimizer& optimizer, int64_t epoch) {
        Progress progress(fmt::format("Epoch {}/{}", epoch + 1, options_.epochs), options_.steps_per_epoch);
        const Clock::time_point epoch_begin = Clock::now();
        Clock::time_point interval_begin = epoch_begin;
        BoxReport total;
        for (int64_t s = 1; s <= options_.steps_per_epoch; ++s) {
            const int64_t global = epoch * options_.steps_per_epoch + s;
            const double rate = schedule_.rate(global - 1);
            step.run(rate);
            if (s % options_.log_every != 0 && s != options_.steps_per_epoch) continue;

            const BoxReport report = step.meter().read();
            const double norm = optimizer.gradient_norm();
            const double speed = static_cast<double>(report.images) / seconds_since(interval_begin);
            interval_begin = Clock::now();
            require_finite(report, norm, global);
            folder_.log(metrics_line(report, options_, global, rate, norm, speed));
            add_to(total, report);
            if (const auto warning = watch_->check(report, global)) fmt::print(stderr, "\n{}", *warning);
            progress.show(s, note(report, speed) + ", " + time_left(global) + " left");
        }
        const double speed =
            static_cast<double>(options_.steps_per_epoch * options_.batch) / seconds_since(epoch_begin);
        progress.finish(note(total, speed) + ", " + duration_text(seconds_since(epoch_begin)));
    }

    static std::string note(const BoxReport& report, double images_per_second) {
        return fmt::format("{:.1f} images/s, loss {:.4f} ({:.4f} above its floor), IoU {:.3f}",
                           images_per_second, report.loss, report.loss - report.floor, report.iou);
    }

    std::string time_left(int64_t steps_done) const {
        const double a_step = seconds_since(begin_) / static_cast<double>(steps_done);
        return duration_text(a_step * static_cast<double>(options_.total_steps() - steps_done));
    }

    /// Averages of what the progress line shows, weighted by steps.
    static void add_to(BoxReport& total, const BoxReport& report) {
        const double before = static_cast<double>(total.steps), now = static_cast<double>(report.steps);
        const auto merge = [&](double& mean, double value) {
            mean = (mean * before + value * now) / (before + now);
        };
        merge(total.loss, report.loss);
        merge(total.floor, report.floor);
        merge(total.iou, report.iou);
        total.steps += report.steps;
    }

    /// Updates with a gradient that is not finite were skipped on the device, so the weights are still good.
    void require_finite(const BoxReport& report, double gradient_norm, int64_t global) {
        const bool loss_is_finite = report.finite_steps == report.steps;
        if (loss_is_finite && std::isfinite(gradient_norm)) return;
        const int64_t at = loss_is_finite ? global : global - report.steps + report.finite_steps + 1;
        stop_not_finite(folder_, localizer_, loss_is_finite ? "gradient" : "loss", at);
    }

    const TrainOptions& options_;
    std::unique_ptr<Backend> backend_;
    RunFolder folder_;
    Localizer localizer_;
    SceneSources sources_;
    SceneGenerator scenes_;
    Schedule schedule_;
    std::optional<CollapseDetector> watch_;
    Clock::time_point begin_;
    double training_seconds_ = 0;
};

}  // namespace

void train(const TrainOptions& options) {
    options.check();
    const ModelChoice choice = choose_model(options);
    if (options.summary_only) {
        Localizer localizer(choice.config, options.seed);
        if (options.freeze == "backbone") localizer.parameters().freeze(Localizer::in_backbone);
        fmt::print("{}\n{}", choice.reason, localizer.summary());
        return;
    }
    if (choice.config.head == HeadForm::detect) return train_detector(options, choice);
    Run run(options, choice);
    try {
        run.train();
    } catch (const OutOfMemory& failure) {
        throw Error("training", failure.what(), run.batch_that_fits(failure.free_bytes()));
    }
    run.report();
}

}  // namespace objloc
