#include "objloc/models/localizer.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "objloc/engine/initializers.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/models/ops/ops.h"
#include "objloc/models/vgg16.h"
#include "objloc/models/vote_grid.h"

namespace objloc {
namespace {

constexpr const char* kFlattenHead = "dense";

/// The biases that a grid starts with: all grids have the same share of the attention, whatever their number
/// of cells, and each expects objects of the size that its cells see.
std::vector<float> first_votes(const VoteGrid& level, int64_t features) {
    std::vector<float> bias(static_cast<size_t>(features), 0.0f);
    bias[0] = -std::log(static_cast<float>(level.grid.cells()));
    const float extent =
        0.05f * static_cast<float>(size_t{1} << level.block);  // 0.1, 0.2, 0.4, 0.8 of the side
    std::fill(bias.begin() + 3, bias.end(), std::log(extent / (1 - extent)));
    return bias;
}

/// "6,960" as Keras's summary writes numbers.
std::string grouped(int64_t number) {
    std::string text = std::to_string(number);
    for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<size_t>(at), ",");
    return text;
}

/// Boxes from what the cells of all grids say.
template <typename GetParameter>
Variable cell_votes(Tape& tape, const LocalizerConfig& config, const std::vector<Variable>& blocks,
                    const GetParameter& parameter) {
    std::vector<Variable> votes;
    std::vector<CellGrid> grids;
    for (const VoteGrid& level : vote_grids(config.width, config.side)) {
        ops::Conv2dOptions options;
        options.padding = {1, 1, 1, 1};
        const Variable features = ops::convert(tape, blocks[level.block], DType::f32);
        votes.push_back(ops::conv2d(tape, features, parameter(level.name + "/kernel"),
                                    parameter(level.name + "/bias"), options));
        grids.push_back(level.grid);
    }
    return ops::cell_boxes(tape, ops::concatenate(tape, votes), grids);
}

std::string output_text(const Shape& output) {
    return "(None, " + output.text().substr(1);
}

}  // namespace

std::string LocalizerConfig::architecture() const {
    if (width == 1) return "vgg16";
    if (width == 0.25) return "vgg16-slim";
    return fmt::format("vgg16 at width {}", width);
}

std::string LocalizerConfig::to_json() const {
    const nlohmann::ordered_json json = {
        {"architecture", "vgg16"}, {"width", width},        {"side", side},
        {"box", name_of(box)},     {"head", name_of(head)}, {"preprocess", name_of(preprocess)}};
    return json.dump();
}

LocalizerConfig LocalizerConfig::from_json(const std::string& text) {
    try {
        const auto json = nlohmann::json::parse(text);
        if (json.at("architecture") != "vgg16") {
            throw Error("model configuration",
                        "the architecture " + json.at("architecture").dump() + " is unknown");
        }
        LocalizerConfig config;
        config.width = json.at("width");
        config.side = json.at("side");
        config.box = parse_box_form(json.at("box"));
        config.head = parse_head_form(json.value("head", "flatten"));
        config.preprocess = parse_preprocess(json.at("preprocess"));
        return config;
    } catch (const nlohmann::json::exception& failure) {
        throw Error("model configuration", std::string("cannot be understood: ") + failure.what(),
                    "Use a model.h5 that objloc_train wrote.");
    }
}

const char* name_of(BoxForm form) {
    return form == BoxForm::square ? "square" : "rect";
}

BoxForm parse_box_form(const std::string& name) {
    if (name == "square") return BoxForm::square;
    if (name == "rect") return BoxForm::rect;
    throw Error("box form '" + name + "'", "there is no such form", "Known: square, rect.");
}

const char* name_of(HeadForm form) {
    return form == HeadForm::flatten ? "flatten" : "cells";
}

HeadForm parse_head_form(const std::string& name) {
    if (name == "flatten") return HeadForm::flatten;
    if (name == "cells") return HeadForm::cells;
    throw Error("head '" + name + "'", "there is no such head", "Known: flatten, cells.");
}

const char* name_of(Preprocess preprocess) {
    return preprocess == Preprocess::unit ? "unit" : "caffe";
}

Preprocess parse_preprocess(const std::string& name) {
    if (name == "unit") return Preprocess::unit;
    if (name == "caffe") return Preprocess::caffe;
    throw Error("preprocessing '" + name + "'", "there is no such preprocessing", "Known: unit, caffe.");
}

Localizer::Localizer(const LocalizerConfig& config, uint64_t seed) : config_(config) {
    layers_.push_back({"input_1", "InputLayer", {config.side, config.side, 3}, {}});
    Shape features;
    for (const Vgg16Conv& conv : vgg16_convolutions(config.width, config.side)) {
        const std::string kernel = conv.name + "/kernel", bias = conv.name + "/bias";
        const Shape shape{3, 3, conv.in, conv.out};
        parameters_.add(kernel, shape, he_normal(shape, seed, kernel));
        parameters_.add(bias, {conv.out});
        features = {conv.side, conv.side, conv.out};
        layers_.push_back({conv.name, "Conv2D", features, {kernel, bias}});
        const bool pooled =
            conv.last_in_block() && (config.head == HeadForm::flatten || conv.name != "block5_conv3");
        if (!pooled) continue;
        features = {conv.side / 2, conv.side / 2, conv.out};
        layers_.push_back({conv.pool_name, "MaxPooling2D", features, {}});
    }
    config.head == HeadForm::flatten ? add_flatten_head(features, seed) : add_cells_head(seed);
}

void Localizer::add_flatten_head(const Shape& features, uint64_t seed) {
    layers_.push_back({"flatten", "Flatten", {features.count()}, {}});
    const std::string kernel = std::string(kFlattenHead) + "/kernel",
                      bias = std::string(kFlattenHead) + "/bias";
    const Shape shape{features.count(), config_.outputs()};
    parameters_.add(kernel, shape, glorot_uniform(shape, seed, kernel));
    parameters_.add(bias, {config_.outputs()});
    layers_.push_back({kFlattenHead, "Dense", {config_.outputs()}, {kernel, bias}});
}

void Localizer::add_cells_head(uint64_t seed) {
    for (const VoteGrid& level : vote_grids(config_.width, config_.side)) {
        const std::string kernel = level.name + "/kernel", bias = level.name + "/bias";
        const Shape shape{3, 3, level.channels, 1 + config_.outputs()};
        // Starting small, the votes begin as first_votes has them.
        std::vector<float> initial = glorot_uniform(shape, seed, kernel);
        for (float& value : initial) value *= 0.1f;
        parameters_.add(kernel, shape, std::move(initial));
        parameters_.add(bias, {shape[3]}, first_votes(level, shape[3]));
        layers_.push_back(
            {level.name, "Conv2D", {level.grid.rows, level.grid.columns, shape[3]}, {kernel, bias}});
    }
    layers_.push_back({"boxes", "CellBoxes", {config_.outputs()}, {}});
}

std::string Localizer::summary() const {
    const auto row = [](const std::string& layer, const std::string& output, const std::string& count,
                        const std::string& trainable) {
        return fmt::format("{:<30} {:<24} {:>12}   {:<9}\n", layer, output, count, trainable);
    };
    const std::string rule(81, '='), thin(81, '_');
    std::string text = "Model: \"" + config_.architecture() + " localizer\"\n" + thin + "\n" +
                       row("Layer (type)", "Output Shape", "Param #", "Trainable") + rule + "\n";
    for (const LayerSummary& layer : layers_) {
        int64_t count = 0;
        bool trainable = false;
        for (const Parameter& parameter : parameters_.all()) {
            if (parameter.layer() != layer.name) continue;
            count += parameter.shape.count();
            trainable = parameter.trainable;
        }
        text += row(layer.name + " (" + layer.type + ")", output_text(layer.output), grouped(count),
                    count == 0  ? "-"
                    : trainable ? "Y"
                                : "N");
    }
    const int64_t total = parameters_.count(), trainable = parameters_.trainable_count();
    const auto megabytes = [](int64_t count) { return static_cast<double>(count) * 4 / (1 << 20); };
    text += rule + "\n";
    text += fmt::format("Total params: {} ({:.2f} MB)\n", grouped(total), megabytes(total));
    text += fmt::format("Trainable params: {} ({:.2f} MB)\n", grouped(trainable), megabytes(trainable));
    text += fmt::format("Non-trainable params: {} ({:.2f} MB)\n", grouped(total - trainable),
                        megabytes(total - trainable));
    return text + thin + "\n";
}

BoxPrediction Localizer::predict(Tape& tape, const Variable& images) {
    const auto convolutions = vgg16_convolutions(config_.width, config_.side);
    const bool flatten = config_.head == HeadForm::flatten;
    // The backbone in the precision that was asked for, the head in fp32 (engine/precision.h).
    const Variable pixels = ops::convert(tape, images, tape.backend().activation_type());
    const std::vector<Variable> blocks =
        vgg16_blocks(tape, parameters_, convolutions, pixels, /*last_pool=*/flatten);
    const auto parameter = [&](const std::string& name) { return parameters_.on(tape, name); };
    if (!flatten) return {cell_votes(tape, config_, blocks, parameter), {}};
    const std::string head = kFlattenHead;
    const Variable features = ops::convert(tape, blocks.back(), DType::f32);
    const Variable logits = ops::dense(tape, ops::flatten(tape, features), parameter(head + "/kernel"),
                                       parameter(head + "/bias"));
    return {ops::sigmoid(tape, logits), logits};
}

double Localizer::training_bytes_per_image(DType activations) const {
    const auto bytes = static_cast<double>(size_of(activations));
    double kept = 3.0 * static_cast<double>(config_.side * config_.side) * sizeof(float), largest = 0;
    for (const Vgg16Conv& conv : vgg16_convolutions(config_.width, config_.side)) {
        const auto values = static_cast<double>(conv.side * conv.side * conv.out);
        // A pooled layer keeps a quarter of its values, and a byte for each that says where it came from.
        kept += conv.last_in_block() ? values / 4 * (bytes + 1) : values * bytes;
        largest = std::max(largest, values * bytes);
    }
    return kept + 2 * largest;
}

double Localizer::forward_flops() const {
    double total = 0;
    for (const Vgg16Conv& conv : vgg16_convolutions(config_.width, config_.side)) {
        total += 2.0 * 9 * static_cast<double>(conv.side * conv.side * conv.in * conv.out);
    }
    if (config_.head == HeadForm::flatten) {
        const Vgg16Conv last = vgg16_convolutions(config_.width, config_.side).back();
        return total +
               2.0 * static_cast<double>((last.side / 2) * (last.side / 2) * last.out * config_.outputs());
    }
    for (const VoteGrid& level : vote_grids(config_.width, config_.side)) {
        total += 2.0 * 9 * static_cast<double>(level.grid.cells() * level.channels * (1 + config_.outputs()));
    }
    return total;
}

}  // namespace objloc
