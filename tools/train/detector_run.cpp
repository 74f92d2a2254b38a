#include "tools/train/detector_run.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "objloc/models/detector_step.h"
#include "objloc/models/model_file.h"
#include "tools/common/compositions.h"
#include "tools/common/progress.h"
#include "tools/train/detector_report.h"
#include "tools/train/run_folder.h"
#include "tools/train/run_record.h"

namespace objloc {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// How much of a training is done: by the clock where --minutes was given, else by steps.
class Budget {
  public:
    explicit Budget(const TrainOptions& options)
        : seconds_(60 * options.minutes), steps_(options.total_steps()), begin_(Clock::now()) {}

    double seconds() const { return seconds_since(begin_); }
    double share(int64_t steps_done) const {
        return seconds_ > 0 ? seconds() / seconds_
                            : static_cast<double>(steps_done) / static_cast<double>(steps_);
    }

  private:
    double seconds_;
    int64_t steps_;
    Clock::time_point begin_;
};

/// The schedule of the options over a training of unknown length, in thousandths.
Schedule by_share(const TrainOptions& options) {
    constexpr int64_t kAll = 100000;
    Schedule schedule = options.make_schedule();
    const double steps = static_cast<double>(options.total_steps());
    schedule.warmup_steps = static_cast<int64_t>(static_cast<double>(schedule.warmup_steps) / steps * kAll);
    schedule.period =
        std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(schedule.period) / steps * kAll));
    schedule.total_steps = kAll;
    return schedule;
}

CompositionSources composition_sources(const TrainOptions& options) {
    CompositionSources sources;
    sources.objects = object_pictures(options.sprites);
    sources.others = options.distractors;
    sources.places = options.backgrounds;
    return sources;
}

CompositionSpec training_spec(const TrainOptions& options, const LocalizerConfig& config) {
    CompositionSpec spec = composition_spec(config, options.seed, kTrainingStream, options.scene_strength);
    spec.ramp = options.scene_ramp;
    return spec;
}

class DetectorRun {
  public:
    DetectorRun(const TrainOptions& options, const ModelChoice& choice)
        : options_(options),
          backend_(options.device.make()),
          folder_(options.out, options.scene),
          localizer_(choice.config, options.seed),
          sources_(composition_sources(options)),
          held_out_(hold_out(sources_)),
          scenes_(*backend_, training_spec(options, localizer_.config()), sources_) {
        fmt::print("{}\nDevice: {}\nRun folder: {}\n", choice.reason, backend_->description(),
                   folder_.path());
        for (const std::string& file : scenes_.skipped_files()) fmt::print("Skipped, no image: {}\n", file);
        if (!choice.weights.empty()) fmt::print("{}", load_weights(localizer_, choice.weights).text());
        if (options.freeze == "backbone") localizer_.parameters().freeze(Localizer::in_backbone);
        localizer_.parameters().to_device(*backend_);
        folder_.write("config.json", config_text(options_, localizer_, *backend_));
        write_composition_sheet(folder_.file("samples.png"), *backend_, scenes_);
        scenes_.seek(0);
    }

    void train() {
        Optimizer optimizer(*backend_, localizer_.parameters(), options_.make_optimizer_options(),
                            Localizer::in_backbone);
        DetectorStep step(
            *backend_, optimizer, localizer_,
            [this](const Tensor& images, const Tensor& truth) { scenes_.draw(images, truth); },
            options_.batch);
        const Schedule schedule = by_share(options_);
        const Budget budget(options_);
        Progress progress("Training", 1000);
        int64_t done = 0;
        for (double share = 0; share < 1; share = budget.share(done)) {
            step.run(schedule.rate(static_cast<int64_t>(share * static_cast<double>(schedule.total_steps))));
            if (++done % options_.log_every != 0) continue;
            const double loss = step.read_loss(), norm = optimizer.gradient_norm();
            require_finite(loss, norm, done);
            const double speed = static_cast<double>(done * options_.batch) / budget.seconds();
            folder_.log(nlohmann::ordered_json({{"step", done},
                                                {"loss", loss},
                                                {"gradient_norm", norm},
                                                {"seconds", budget.seconds()},
                                                {"images_per_second", speed}})
                            .dump());
            last_ = fmt::format("{} steps, {:.1f} images/s, loss {:.4f}", done, speed, loss);
            progress.show(static_cast<int64_t>(1000 * std::min(1.0, share)), last_);
        }
        progress.finish(last_ + ", " + duration_text(budget.seconds()));
        save_model(folder_.file("model.h5"), localizer_);
    }

    void report() {
        fmt::print("Calibrating confidences\n");
        calibrate_on(*backend_, localizer_, held_out_, options_.seed);
        save_model(folder_.file("model.h5"), localizer_);
        const std::string text = report_on(*backend_, localizer_, held_out_, sources_, options_).text();
        folder_.write("summary.txt", text);
        CompositionGenerator unseen(
            *backend_,
            composition_spec(localizer_.config(), options_.seed, kHeldOutStream, options_.scene_strength),
            held_out_);
        write_detections(folder_.file("predictions.png"), *backend_, localizer_, unseen);
        fmt::print("{}\nTry it on a picture:  objloc_predict --model {} PICTURE\n", text,
                   folder_.file("model.h5"));
    }

  private:
    void require_finite(double loss, double gradient_norm, int64_t step) {
        if (std::isfinite(loss) && std::isfinite(gradient_norm)) return;
        stop_not_finite(folder_, localizer_, std::isfinite(loss) ? "gradient" : "loss", step);
    }

    const TrainOptions& options_;
    std::unique_ptr<Backend> backend_;
    RunFolder folder_;
    Localizer localizer_;
    CompositionSources sources_, held_out_;
    CompositionGenerator scenes_;
    std::string last_;
};

}  // namespace

void train_detector(const TrainOptions& options, const ModelChoice& choice) {
    DetectorRun run(options, choice);
    run.train();
    run.report();
}

}  // namespace objloc
