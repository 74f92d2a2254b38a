#include "tools/train/options.h"

#include <iterator>
#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "objloc/generators/composition_generator.h"
#include "objloc/models/box_loss.h"
#include "tools/common/shipped_files.h"

namespace objloc {
namespace {

constexpr const char* kOfficialWeights = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5";
constexpr const char* kCompactWeights = "compact.h5";

void add_scene_flags(TrainOptions& options, CLI::App& app) {
    app.add_option(
           "--recipe", options.recipe,
           "detect: for photographs: finds none, one or several objects in any picture, after two minutes of "
           "training; best: one box in scenes like the tutorial's, what measured best at its budget "
           "(tools/results/ has the table); tutorial: the Keras blog post's head, loss and constant rate, "
           "also "
           "called seed. Flags given by hand win")
        ->check(CLI::IsMember({"detect", "best", "tutorial", "seed"}))
        ->capture_default_str();
    app.add_option(
           "--scene", options.scene,
           "blob: a white disc on black; cat: a cat on black; natural: a cat on photographs; composed: the "
           "object in any size, turn and light, among other things, in pictures of any shape")
        ->check(CLI::IsMember({"blob", "cat", "natural", "composed"}))
        ->capture_default_str();
    app.add_option(
        "--sprite", options.sprites,
        "your own object instead of the cat: a PNG with an alpha channel. --scene composed: several, of one "
        "class (mug=front.png mug=side.png) or of many (a folder: one class a file)");
    app.add_option("--backgrounds", options.backgrounds,
                   "your own photographs: folders or PNG/JPEG files of any size");
    app.add_option(
        "--distractors", options.distractors,
        "--scene composed: pictures of other things, PNGs with an alpha channel: files or folders");
    app.add_option("--scene-strength", options.scene_strength,
                   "--scene composed: how far light, colour, turns and so on go; 0 is a plain picture")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option(
           "--scene-ramp", options.scene_ramp,
           "--scene composed: images over which the strength rises to what it is from a third of that")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--sprite-variants", options.sprite_variants,
                   "looks of the object: as it is, and others turned, mirrored, lighter or darker, blurred")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    app.add_option("--background-variants", options.background_variants,
                   "cuts of each photograph: its middle, and others at random places, mirrored or not")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    app.add_option("--side", options.side, "pixels of the square scenes and of the network's input")
        ->check(CLI::Range(32, 1024))
        ->capture_default_str();
    app.add_option("--box", options.box, "square: x, y, size, as the seed; rect: x, y, width, height")
        ->check(CLI::IsMember({"square", "rect"}))
        ->capture_default_str();
}

void add_model_flags(TrainOptions& options, CLI::App& app) {
    app.add_option("--model", options.model,
                   "vgg16; vgg16-slim: a quarter of its channels; auto: vgg16 if the official weights lie in "
                   "weights/, else vgg16-slim, which learns from scratch in minutes")
        ->check(CLI::IsMember({"auto", "vgg16", "vgg16-slim", "compact"}))
        ->capture_default_str();
    app.add_option("--width", options.width, "--model compact: channels times this")
        ->check(CLI::Range(0.1, 4.0))
        ->capture_default_str();
    app.add_option(
           "--weights", options.weights,
           "a Keras HDF5 file, 'imagenet' for the official one in weights/, 'none' to start from scratch, or "
           "'auto': the official file if it is there; for compact weights/compact.h5")
        ->capture_default_str();
    app.add_option("--freeze", options.freeze, "backbone: train the head alone")
        ->check(CLI::IsMember({"none", "backbone"}))
        ->capture_default_str();
    app.add_option("--head", options.head,
                   "flatten: Flatten and Dense, as the seed; cells: the cells of all feature maps but the "
                   "first vote; "
                   "detect: each of them finds objects, none, one or several")
        ->check(CLI::IsMember({"flatten", "cells", "detect"}))
        ->capture_default_str();
    app.add_option("--loss", options.loss, "bce: the seed's; giou: 1 - GIoU; bce+giou: their sum")
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(kBoxLosses), std::end(kBoxLosses))))
        ->capture_default_str();
    app.add_option("--preprocess", options.preprocess,
                   "unit: RGB in [0,1], as the seed; caffe: BGR minus ImageNet's means, as VGG16 was trained")
        ->check(CLI::IsMember({"unit", "caffe"}))
        ->capture_default_str();
}

void add_budget_flags(TrainOptions& options, CLI::App& app) {
    app.add_option("--minutes", options.minutes,
                   "--head detect: train for so long, schedule included, in place of --epochs")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--epochs", options.epochs)->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--steps-per-epoch", options.steps_per_epoch)
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--batch", options.batch, "images a step")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--seed", options.seed, "the same seed gives the same scenes and the same start")
        ->capture_default_str();
}

void add_optimizer_flags(TrainOptions& options, CLI::App& app) {
    app.add_option("--lr", options.lr, "learning rate")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--schedule", options.schedule, "constant, as the seed, leaves the last boxes noisy")
        ->check(CLI::IsMember({"constant", "step", "cosine"}))
        ->capture_default_str();
    app.add_option(
           "--warmup", options.warmup,
           "steps of linear warm-up before the schedule (default: a tenth of all steps; the seed has none)")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--step-period", options.step_period, "--schedule step: steps between two drops")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--step-factor", options.step_factor, "--schedule step: what the rate is multiplied by")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--optimizer", options.optimizer)
        ->check(CLI::IsMember({"adam", "sgd"}))
        ->capture_default_str();
    app.add_option("--momentum", options.momentum, "--optimizer sgd only")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--clip-norm", options.clip_norm, "greatest global norm of the gradients; 0: no clipping")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--weight-decay", options.weight_decay, "decoupled, kernels only")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--backbone-lr-multiplier", options.backbone_lr_multiplier,
                   "the backbone's learning rate as a multiple of --lr")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

void add_output_flags(TrainOptions& options, CLI::App& app) {
    app.add_option("--out", options.out, "run folder (default: runs/SCENE, numbered if that exists)");
    app.add_option("--log-every", options.log_every, "steps between two lines of metrics.jsonl")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--held-out", options.held_out, "scenes to evaluate on at the end")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--summary", options.summary_only, "print the model's layers and stop");
}

}  // namespace

void TrainOptions::add_to(CLI::App& app) {
    add_scene_flags(*this, app);
    add_model_flags(*this, app);
    add_budget_flags(*this, app);
    add_optimizer_flags(*this, app);
    device.add_to(app);
    add_output_flags(*this, app);
}

void TrainOptions::apply_recipe(const CLI::App& app) {
    if (freeze == "backbone" && app.count("--backbone-lr-multiplier") == 0) backbone_lr_multiplier = 1;
    const auto set = [&app](const std::string& flag, auto& value, const auto& of_recipe) {
        if (app.count(flag) == 0) value = of_recipe;
    };
    if (recipe == "detect") {
        set("--scene", scene, "composed");
        set("--head", head, "detect");
        set("--model", model, "compact");
        set("--batch", batch, 16);
        set("--backbone-lr-multiplier", backbone_lr_multiplier, 1);
        if (app.count("--epochs") + app.count("--steps-per-epoch") == 0) set("--minutes", minutes, 2);
        return;
    }
    if (recipe == "seed") recipe = "tutorial";
    if (recipe != "tutorial") return;
    set("--head", head, "flatten");
    set("--loss", loss, "bce");
    set("--schedule", schedule, "constant");
    set("--warmup", warmup, 0);
    set("--clip-norm", clip_norm, 0);
    set("--lr", lr, 1e-3);
    set("--backbone-lr-multiplier", backbone_lr_multiplier, 1);
    set("--sprite-variants", sprite_variants, 1);
    set("--background-variants", background_variants, 1);
}

void TrainOptions::check() const {
    if (scene == "blob" && !sprites.empty()) {
        throw Error("--sprite", "does not concern --scene blob", "Use --scene cat or --scene natural.");
    }
    if (scene != "composed" && sprites.size() > 1) {
        throw Error("--sprite", "names several pictures, and --scene " + scene + " shows one",
                    "Use --scene composed.");
    }
    if (scene != "natural" && scene != "composed" && !backgrounds.empty()) {
        throw Error("--backgrounds", "does not concern --scene " + scene, "Use --scene natural.");
    }
    if (freeze == "backbone" && weights == "none") {
        throw Error("--freeze backbone",
                    "contradicts --weights none: the head would learn from random features",
                    "Give --weights FILE, or leave --freeze out.");
    }
    if (freeze == "backbone" && backbone_lr_multiplier != 1) {
        throw Error("--backbone-lr-multiplier", "does not concern --freeze backbone",
                    "Leave one of the two out.");
    }
    if (warmup >= total_steps() && warmup > 0) {
        throw Error("--warmup",
                    "is as long as the whole training of " + std::to_string(total_steps()) + " steps",
                    "Give fewer steps of warm-up or more epochs.");
    }
    if ((head == "detect") != (scene == "composed")) {
        throw Error("--head " + head, "does not go with --scene " + scene,
                    "--head detect and --scene composed belong together.");
    }
    if (batch > 65536) throw Error("--batch", "is above 65536", "Give a smaller batch.");
}

Schedule TrainOptions::make_schedule() const {
    return {parse_schedule(schedule), lr, total_steps(), warmup_steps(), step_period, step_factor};
}

OptimizerOptions TrainOptions::make_optimizer_options() const {
    OptimizerOptions made;
    if (optimizer == "sgd") made.rule = SgdSettings{static_cast<float>(momentum), false};
    made.clip_norm = static_cast<float>(clip_norm);
    made.weight_decay = static_cast<float>(weight_decay);
    made.backbone_rate = static_cast<float>(backbone_lr_multiplier);
    return made;
}

std::string TrainOptions::to_json() const {
    const nlohmann::ordered_json json = {
        {"recipe", recipe},
        {"scene", scene},
        {"sprites", sprites},
        {"backgrounds", backgrounds},
        {"sprite_variants", sprite_variants},
        {"background_variants", background_variants},
        {"distractors", distractors},
        {"scene_strength", scene_strength},
        {"scene_ramp", scene_ramp},
        {"side", side},
        {"box", box},
        {"head", head},
        {"loss", loss},
        {"model", model},
        {"width", width},
        {"weights", weights},
        {"freeze", freeze},
        {"preprocess", preprocess},
        {"minutes", minutes},
        {"epochs", epochs},
        {"steps_per_epoch", steps_per_epoch},
        {"batch", batch},
        {"seed", seed},
        {"lr", lr},
        {"schedule", schedule},
        {"warmup", warmup_steps()},
        {"step_period", step_period},
        {"step_factor", step_factor},
        {"optimizer", optimizer},
        {"momentum", momentum},
        {"clip_norm", clip_norm},
        {"weight_decay", weight_decay},
        {"backbone_lr_multiplier", backbone_lr_multiplier},
        {"device", device.device},
        {"threads", device.threads},
        {"cpu_conv", device.cpu_conv},
        {"precision", device.precision},
        {"log_every", log_every},
        {"held_out", held_out},
    };
    return json.dump(2);
}

ModelChoice choose_model(const TrainOptions& options) {
    const std::string official = shipped_weights(kOfficialWeights);
    // The official file fits the paper's width only, and must not surprise whoever asked for another start.
    const bool may_use_official = options.weights == "auto" && options.model != "vgg16-slim";
    ModelChoice choice;
    choice.config.side = options.side;
    choice.config.box = parse_box_form(options.box);
    choice.config.head = parse_head_form(options.head);
    if (choice.config.head == HeadForm::detect) {
        choice.config.box = BoxForm::rect;
        choice.config.classes = class_names(object_pictures(options.sprites));
        if (choice.config.classes.empty()) choice.config.classes = {"cat"};
    }
    choice.config.preprocess = parse_preprocess(options.preprocess);
    if (options.weights == "imagenet" && official.empty()) {
        throw Error("--weights imagenet", std::string("there is no weights/") + kOfficialWeights,
                    "Get it: weights/fetch.sh");
    }
    if (options.weights != "auto" && options.weights != "none") {
        choice.weights = options.weights == "imagenet" ? official : options.weights;
    } else if (may_use_official) {
        choice.weights = official;
    }
    if (options.model == "compact") {
        choice.config.backbone = Backbone::compact;
        choice.config.width = options.width;
        if (options.weights == "auto") {
            choice.weights = options.width == 1 ? shipped_weights(kCompactWeights) : "";
        }
        choice.reason =
            "Model: " + choice.config.architecture() +
            (choice.weights.empty() ? " from scratch." : ", starting from " + choice.weights + ".");
        return choice;
    }
    const bool slim = options.model == "vgg16-slim" || (options.model == "auto" && choice.weights.empty());
    choice.config.width = slim ? 0.25 : 1.0;
    choice.reason = "Model: " + choice.config.architecture();
    if (!choice.weights.empty()) {
        choice.reason += ", starting from " + choice.weights + ".";
    } else if (options.model == "auto" && options.weights == "auto") {
        choice.reason +=
            " from scratch, because the official VGG16 weights do not lie in weights/ "
            "(weights/fetch.sh gets them).";
    } else {
        choice.reason += " from scratch.";
    }
    if (options.freeze == "backbone" && choice.weights.empty()) {
        throw Error("--freeze backbone", "there are no weights to keep: the backbone would stay random",
                    "Give --weights FILE, or run weights/fetch.sh for the official ones.");
    }
    return choice;
}

}  // namespace objloc
