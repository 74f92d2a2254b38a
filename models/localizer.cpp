#include "objloc/models/localizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "objloc/engine/error.h"
#include "objloc/engine/initializers.h"
#include "objloc/engine/ops/ops.h"
#include "objloc/models/compact.h"
#include "objloc/models/ops/ops.h"
#include "objloc/models/vgg16.h"
#include "objloc/models/vote_grid.h"

namespace objloc {
namespace {

constexpr const char* kFlattenHead = "dense";
constexpr float kFirstConfidence = 0.01f;

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

/// What cells look at, and the convolutions that let them speak. Of vgg16 the outputs of its blocks.
std::vector<VoteGrid> cell_levels(const LocalizerConfig& config) {
    if (config.backbone == Backbone::vgg16) return vote_grids(config.width, config.side);
    std::vector<VoteGrid> levels;
    for (const CompactConv& conv : compact_convolutions(config.width, config.side)) {
        if (conv.role != CompactConv::Role::lateral) continue;
        const std::string name = "cells" + conv.name.substr(5, 1);
        levels.insert(levels.begin(), {name, 0, conv.out, {conv.side, conv.side}});
    }
    for (size_t i = 0; i < levels.size(); ++i) levels[i].block = i;
    return levels;
}

/// What the cells of all grids say, (N, cells, features).
template <typename GetParameter>
Variable cell_features(Tape& tape, const LocalizerConfig& config, const std::vector<Variable>& blocks,
                       const GetParameter& parameter) {
    std::vector<Variable> grids;
    for (const VoteGrid& level : cell_levels(config)) {
        ops::Conv2dOptions options;
        options.padding = {1, 1, 1, 1};
        const Variable features = ops::convert(tape, blocks[level.block], DType::f32);
        grids.push_back(ops::conv2d(tape, features, parameter(level.name + "/kernel"),
                                    parameter(level.name + "/bias"), options));
    }
    return ops::concatenate(tape, grids);
}

std::vector<CellGrid> cell_grids(const LocalizerConfig& config) {
    std::vector<CellGrid> grids;
    for (const VoteGrid& level : cell_levels(config)) grids.push_back(level.grid);
    return grids;
}

std::string output_text(const Shape& output) {
    return "(None, " + output.text().substr(1);
}

}  // namespace

std::string LocalizerConfig::architecture() const {
    if (backbone == Backbone::compact)
        return width == 1 ? "compact" : fmt::format("compact at width {}", width);
    if (width == 1) return "vgg16";
    if (width == 0.25) return "vgg16-slim";
    return fmt::format("vgg16 at width {}", width);
}

std::string LocalizerConfig::to_json() const {
    nlohmann::ordered_json json = {{"architecture", backbone == Backbone::vgg16 ? "vgg16" : "compact"},
                                   {"width", width},
                                   {"side", side},
                                   {"box", name_of(box)},
                                   {"head", name_of(head)},
                                   {"preprocess", name_of(preprocess)}};
    if (head == HeadForm::detect) {
        json["classes"] = classes;
        json["calibration"] = {calibration.scale, calibration.shift, calibration.threshold};
    }
    return json.dump();
}

LocalizerConfig LocalizerConfig::from_json(const std::string& text) {
    try {
        const auto json = nlohmann::json::parse(text);
        const std::string architecture = json.at("architecture");
        if (architecture != "vgg16" && architecture != "compact") {
            throw Error("model configuration", "the architecture " + architecture + " is unknown");
        }
        LocalizerConfig config;
        config.backbone = architecture == "vgg16" ? Backbone::vgg16 : Backbone::compact;
        config.width = json.at("width");
        config.side = json.at("side");
        config.box = parse_box_form(json.at("box"));
        config.head = parse_head_form(json.value("head", "flatten"));
        config.preprocess = parse_preprocess(json.at("preprocess"));
        config.classes = json.value("classes", config.classes);
        if (config.classes.empty()) throw Error("model configuration", "there are no classes");
        if (json.contains("calibration")) {
            const auto& numbers = json.at("calibration");
            config.calibration = {numbers.at(0), numbers.at(1), numbers.at(2)};
        }
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
    if (form == HeadForm::flatten) return "flatten";
    return form == HeadForm::cells ? "cells" : "detect";
}

HeadForm parse_head_form(const std::string& name) {
    if (name == "flatten") return HeadForm::flatten;
    if (name == "cells") return HeadForm::cells;
    if (name == "detect") return HeadForm::detect;
    throw Error("head '" + name + "'", "there is no such head", "Known: flatten, cells, detect.");
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
    if (config.backbone == Backbone::compact && config.head != HeadForm::detect) {
        throw Error("localizer", "the compact backbone is for the detect head alone",
                    "Use vgg16 with other heads.");
    }
    layers_.push_back({"input_1", "InputLayer", {config.side, config.side, 3}, {}});
    Shape features;
    if (config.backbone == Backbone::compact) {
        add_compact(seed);
    } else {
        features = add_vgg16(seed);
    }
    if (config.head == HeadForm::flatten) add_flatten_head(features, seed);
    if (config.head == HeadForm::cells) add_cells_head(seed);
    if (config.head == HeadForm::detect) add_detect_head(seed);
}

Shape Localizer::add_vgg16(uint64_t seed) {
    Shape features;
    for (const Vgg16Conv& conv : vgg16_convolutions(config_.width, config_.side)) {
        const std::string kernel = conv.name + "/kernel", bias = conv.name + "/bias";
        const Shape shape{3, 3, conv.in, conv.out};
        parameters_.add(kernel, shape, he_normal(shape, seed, kernel));
        parameters_.add(bias, {conv.out});
        features = {conv.side, conv.side, conv.out};
        layers_.push_back({conv.name, "Conv2D", features, {kernel, bias}});
        const bool pooled =
            conv.last_in_block() && (config_.head == HeadForm::flatten || conv.name != "block5_conv3");
        if (!pooled) continue;
        features = {conv.side / 2, conv.side / 2, conv.out};
        layers_.push_back({conv.pool_name, "MaxPooling2D", features, {}});
    }
    return features;
}

void Localizer::add_compact(uint64_t seed) {
    for (const CompactConv& conv : compact_convolutions(config_.width, config_.side)) {
        const std::string kernel = conv.name + "/kernel", bias = conv.name + "/bias";
        const Shape shape{conv.window(), conv.window(), conv.in, conv.out};
        parameters_.add(kernel, shape, he_normal(shape, seed, kernel));
        parameters_.add(bias, {conv.out});
        layers_.push_back({conv.name, "Conv2D", {conv.side, conv.side, conv.out}, {kernel, bias}});
        if (conv.role == CompactConv::Role::pooled) {
            const std::string pool = conv.name.substr(0, conv.name.find('_')) + "_pool";
            layers_.push_back({pool, "MaxPooling2D", {conv.side_out(), conv.side_out(), conv.out}, {}});
        }
    }
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
    for (const VoteGrid& level : cell_levels(config_)) {
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

void Localizer::add_detect_head(uint64_t seed) {
    const int64_t features = detection_problem(1).features();
    for (const VoteGrid& level : cell_levels(config_)) {
        const std::string kernel = level.name + "/kernel", bias = level.name + "/bias";
        const Shape shape{3, 3, level.channels, features};
        std::vector<float> initial = glorot_uniform(shape, seed, kernel);
        for (float& value : initial) value *= 0.1f;
        // Nearly all cells see nothing: they begin with knowing that. Source: Lin et al., "Focal loss", ICCV 2017.
        std::vector<float> first(static_cast<size_t>(features), 0.0f);
        std::fill_n(first.begin(), config_.classes.size(),
                    -std::log((1 - kFirstConfidence) / kFirstConfidence));
        parameters_.add(kernel, shape, std::move(initial));
        parameters_.add(bias, {features}, first);
        layers_.push_back(
            {level.name, "Conv2D", {level.grid.rows, level.grid.columns, features}, {kernel, bias}});
    }
    layers_.push_back({"cells", "Concatenate", {detection_problem(1).cells(), features}, {}});
}

DetectionProblem Localizer::detection_problem(int64_t N) const {
    DetectionProblem problem;
    problem.N = N, problem.classes = static_cast<int64_t>(config_.classes.size());
    for (const CellGrid& grid : cell_grids(config_)) problem.grid[problem.grids++] = grid;
    return problem;
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

std::vector<Variable> Localizer::levels(Tape& tape, const Variable& pixels) {
    if (config_.backbone == Backbone::compact) {
        return compact_levels(tape, parameters_, compact_convolutions(config_.width, config_.side), pixels);
    }
    return vgg16_blocks(tape, parameters_, vgg16_convolutions(config_.width, config_.side), pixels,
                        /*last_pool=*/config_.head == HeadForm::flatten);
}

BoxPrediction Localizer::predict(Tape& tape, const Variable& images) {
    const bool flatten = config_.head == HeadForm::flatten;
    // The backbone in the precision that was asked for, the head in fp32 (engine/precision.h).
    const Variable pixels = ops::convert(tape, images, tape.backend().activation_type());
    const std::vector<Variable> blocks = levels(tape, pixels);
    const auto parameter = [&](const std::string& name) { return parameters_.on(tape, name); };
    if (config_.head == HeadForm::detect) return {{}, {}, cell_features(tape, config_, blocks, parameter)};
    if (!flatten) {
        const Variable votes = cell_features(tape, config_, blocks, parameter);
        return {ops::cell_boxes(tape, votes, cell_grids(config_)), {}, {}};
    }
    const std::string head = kFlattenHead;
    const Variable features = ops::convert(tape, blocks.back(), DType::f32);
    const Variable logits = ops::dense(tape, ops::flatten(tape, features), parameter(head + "/kernel"),
                                       parameter(head + "/bias"));
    return {ops::sigmoid(tape, logits), logits, {}};
}

namespace {

/// A convolution of the backbone, for reckoning: how many values it makes, from how many channels and which window.
struct Reckoned {
    int64_t values, in, window;
    bool pooled;
};

std::vector<Reckoned> reckoned(const LocalizerConfig& config) {
    std::vector<Reckoned> list;
    if (config.backbone == Backbone::compact) {
        for (const CompactConv& conv : compact_convolutions(config.width, config.side)) {
            list.push_back({conv.side * conv.side * conv.out, conv.in, conv.window(),
                            conv.role == CompactConv::Role::pooled});
        }
        return list;
    }
    for (const Vgg16Conv& conv : vgg16_convolutions(config.width, config.side)) {
        list.push_back({conv.side * conv.side * conv.out, conv.in, 3, conv.last_in_block()});
    }
    return list;
}

}  // namespace

double Localizer::training_bytes_per_image(DType activations) const {
    const auto bytes = static_cast<double>(size_of(activations));
    double kept = 3.0 * static_cast<double>(config_.side * config_.side) * sizeof(float), largest = 0;
    for (const Reckoned& conv : reckoned(config_)) {
        const auto values = static_cast<double>(conv.values);
        // A pooled layer keeps a quarter of its values, and a byte for each that says where it came from.
        kept += conv.pooled ? values / 4 * (bytes + 1) : values * bytes;
        largest = std::max(largest, values * bytes);
    }
    return kept + 2 * largest;
}

double Localizer::forward_flops() const {
    double total = 0;
    for (const Reckoned& conv : reckoned(config_)) {
        total += 2 * static_cast<double>(conv.window * conv.window * conv.values * conv.in);
    }
    if (config_.head == HeadForm::flatten) {
        const Vgg16Conv last = vgg16_convolutions(config_.width, config_.side).back();
        return total +
               2.0 * static_cast<double>((last.side / 2) * (last.side / 2) * last.out * config_.outputs());
    }
    const int64_t features =
        config_.head == HeadForm::detect ? detection_problem(1).features() : 1 + config_.outputs();
    for (const VoteGrid& level : cell_levels(config_)) {
        total += 2.0 * 9 * static_cast<double>(level.grid.cells() * level.channels * features);
    }
    return total;
}

}  // namespace objloc
