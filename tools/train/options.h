// What a person may ask of objloc_train. Defaults are the best recipe that was measured; `--recipe tutorial` is
// the Keras blog post's to the letter.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/optimizer.h"
#include "objloc/engine/schedule.h"
#include "objloc/models/localizer.h"
#include "tools/common/command_line.h"

namespace objloc {

struct TrainOptions {
    std::string recipe = "best";
    std::string scene = "natural";
    std::string model = "auto";
    double width = 1;
    std::string weights = "auto";
    std::string freeze = "none";
    std::string box = "square";
    std::string head = "cells";
    std::string loss = "bce+giou";
    std::string preprocess = "unit";
    std::vector<std::string> sprites;
    std::vector<std::string> backgrounds;
    int sprite_variants = 1, background_variants = 8;
    int64_t side = 128;

    std::vector<std::string> distractors;
    double scene_strength = 1;
    int64_t scene_ramp = 0;

    double minutes = 0;  // 0: by epochs
    int64_t epochs = 5, steps_per_epoch = 64, batch = 64;
    double lr = 2e-3;
    std::string schedule = "cosine";
    int64_t warmup = -1, step_period = 128;
    double step_factor = 0.1;
    std::string optimizer = "adam";
    double momentum = 0.9;
    double clip_norm = 20;
    double weight_decay = 0;
    double backbone_lr_multiplier = 0.5;
    uint64_t seed = 0;

    DeviceOptions device;
    std::string out;
    int64_t log_every = 8, held_out = 512;
    bool summary_only = false;

    void add_to(CLI::App& app);
    /// Gives the flags of `app` that nobody set the recipe's values. After parsing.
    void apply_recipe(const CLI::App& app);
    /// Finds the contradictions that no single flag shows. Throws Error.
    void check() const;

    int64_t total_steps() const { return epochs * steps_per_epoch; }
    /// `warmup`, or when that was not given a tenth of all steps: 32 of the seed's 320.
    int64_t warmup_steps() const { return warmup >= 0 ? warmup : total_steps() / 10; }
    Schedule make_schedule() const;
    OptimizerOptions make_optimizer_options() const;
    /// All of it as JSON text, for config.json.
    std::string to_json() const;
};

/// `auto` settled: the architecture, the weights to load or "", and one line that says which and why.
struct ModelChoice {
    LocalizerConfig config;
    std::string weights;
    std::string reason;
};
ModelChoice choose_model(const TrainOptions& options);

}  // namespace objloc
