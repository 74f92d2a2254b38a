#include "tools/weights/onnx_export.h"

#include <algorithm>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/kernels/localizer/cell_boxes.h"
#include "objloc/models/formats/torch_names.h"
#include "objloc/models/vgg16.h"
#include "objloc/models/vote_grid.h"
#include "tools/weights/onnx_graph.h"

namespace objloc {
namespace {

constexpr int kIrVersion = 8;  // the one that came with opset 17
constexpr int kOpset = 17;

const NamedArray& find(const std::vector<NamedArray>& arrays, const std::string& name) {
    const auto found =
        std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) { return a.name == name; });
    if (found == arrays.end()) throw Error("ONNX export", "the model lacks " + name);
    return *found;
}

NamedArray named(const std::string& name, NamedArray array) {
    array.name = name;
    return array;
}

/// A 3x3 convolution on the NCHW `input`, with the layer's own weights and name.
void add_convolution(OnnxGraph& graph, const std::vector<NamedArray>& arrays, const std::string& layer,
                     const std::string& input) {
    const std::string weight = layer + ".weight", bias = layer + ".bias";
    graph.add_constant(named(weight, hwio_to_oihw(find(arrays, layer + "/kernel"))));
    graph.add_constant(named(bias, find(arrays, layer + "/bias")));
    onnx::NodeProto& convolution = graph.add_node("Conv", {input, weight, bias}, layer);
    set_attribute(convolution, "kernel_shape", {3, 3});
    set_attribute(convolution, "pads", {1, 1, 1, 1});
}

/// Convolutions with ReLU and pools, on the NCHW `features`; the names of the five blocks' outputs. Cells
/// vote on the last block before it is pooled.
std::vector<std::string> add_blocks(OnnxGraph& graph, const std::vector<NamedArray>& arrays,
                                    const LocalizerConfig& config, std::string features) {
    std::vector<std::string> blocks;
    for (const Vgg16Conv& layer : vgg16_convolutions(config.width, config.side)) {
        add_convolution(graph, arrays, layer.name, features);
        features = layer.name + "_relu";
        graph.add_node("Relu", {layer.name}, features);
        if (!layer.last_in_block()) continue;
        if (config.head == HeadForm::flatten || layer.name != "block5_conv3") {
            onnx::NodeProto& pool = graph.add_node("MaxPool", {features}, layer.pool_name);
            set_attribute(pool, "kernel_shape", {2, 2});
            set_attribute(pool, "strides", {2, 2});
            features = layer.pool_name;
        }
        blocks.push_back(features);
    }
    return blocks;
}

/// ONNX flattens channels first, Keras channels last: the weights' rows are reordered instead of the
/// features.
void add_flatten_head(OnnxGraph& graph, const std::vector<NamedArray>& arrays, const std::string& features) {
    const int64_t channels = find(arrays, "block5_conv3/bias").shape[0];
    graph.add_constant(
        named("dense.weight", dense_to_torch("ONNX export", find(arrays, "dense/kernel"), channels)));
    graph.add_constant(named("dense.bias", find(arrays, "dense/bias")));
    graph.add_node("Flatten", {features}, "flatten");
    set_attribute(graph.add_node("Gemm", {"flatten", "dense.weight", "dense.bias"}, "logits"), "transB", 1);
    graph.add_node("Sigmoid", {"logits"}, "box");
}

/// The constants cell_middle and cell_reach (1, 2, cells), x before y: a cell that votes t sees the centre at
/// cell_middle + cell_reach * tanh(t). They are what cell_vote says of t = 0, its value and its slope.
void add_cells(OnnxGraph& graph, const std::vector<VoteGrid>& levels, int64_t outputs) {
    CellBoxesProblem problem;
    problem.outputs = outputs;
    for (const VoteGrid& level : levels) problem.grid[problem.grids++] = level.grid;
    const int64_t cells = problem.cells();
    const std::vector<float> zeros(static_cast<size_t>(cells * (1 + outputs)));
    NamedArray middle{"cell_middle", {1, 2, cells}, {}}, reach{"cell_reach", {1, 2, cells}, {}};
    for (int64_t o = 0; o < 2; ++o) {
        for (int64_t c = 0; c < cells; ++c) {
            const CellVote vote = cell_vote(problem, zeros.data(), c, o);
            middle.values.push_back(vote.value);
            reach.values.push_back(vote.slope);
        }
    }
    graph.add_constant(middle);
    graph.add_constant(reach);
}

/// What all cells say, by kind: votes_attention (N, 1, cells), votes_centre (N, 2, cells), votes_extent (N,
/// outputs - 2, cells).
void add_votes(OnnxGraph& graph, const std::vector<NamedArray>& arrays, const std::vector<VoteGrid>& levels,
               const std::vector<std::string>& blocks, int64_t outputs) {
    std::vector<std::string> votes;
    for (const VoteGrid& level : levels) {
        add_convolution(graph, arrays, level.name, blocks[level.block]);
        graph.add_constant(level.name + "_shape", {0, 1 + outputs, level.grid.cells()});  // 0: the batch
        votes.push_back(level.name + "_cells");
        graph.add_node("Reshape", {level.name, level.name + "_shape"}, votes.back());
    }
    set_attribute(graph.add_node("Concat", votes, "votes"), "axis", 2);
    graph.add_constant("votes_split", {1, 2, outputs - 2});
    onnx::NodeProto& split = graph.add_node("Split", {"votes", "votes_split"}, "votes_attention");
    split.add_output("votes_centre");
    split.add_output("votes_extent");
    set_attribute(split, "axis", 1);
}

/// The formula at the top of kernels/localizer/cell_boxes.h.
void add_cells_head(OnnxGraph& graph, const std::vector<NamedArray>& arrays, const LocalizerConfig& config,
                    const std::vector<std::string>& blocks) {
    const int64_t outputs = config.outputs();
    const std::vector<VoteGrid> levels = vote_grids(config.width, config.side);
    add_votes(graph, arrays, levels, blocks, outputs);
    add_cells(graph, levels, outputs);
    set_attribute(graph.add_node("Softmax", {"votes_attention"}, "attention"), "axis", 2);
    graph.add_node("Tanh", {"votes_centre"}, "away");
    graph.add_node("Mul", {"away", "cell_reach"}, "offset");
    graph.add_node("Add", {"cell_middle", "offset"}, "centres");
    graph.add_node("Sigmoid", {"votes_extent"}, "extents");
    set_attribute(graph.add_node("Concat", {"centres", "extents"}, "seen"), "axis", 1);
    graph.add_node("Mul", {"seen", "attention"}, "attended");
    graph.add_constant("cells_axis", {2});
    set_attribute(graph.add_node("ReduceSum", {"attended", "cells_axis"}, "sum"), "keepdims", 0);

    graph.add_constant("sum_split", {2, outputs - 2});
    onnx::NodeProto& split = graph.add_node("Split", {"sum", "sum_split"}, "centre");
    split.add_output("extent");
    set_attribute(split, "axis", 1);
    graph.add_constant(NamedArray{"half", {1}, {0.5f}});
    graph.add_node("Mul", {"extent", "half"}, "half_extent");
    graph.add_node("Sub", {"centre", "half_extent"}, "corner");
    set_attribute(graph.add_node("Concat", {"corner", "extent"}, "box"), "axis", 1);
}

void add_metadata(onnx::ModelProto& model, const std::string& key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
}

void describe_model(onnx::ModelProto& model, const LocalizerConfig& config, ImageLayout layout) {
    add_metadata(model, "objloc_config", config.to_json());
    add_metadata(
        model, "box",
        config.box == BoxForm::square
            ? "x, y, size: left, top and side of a square, as fractions of the image's side; x to the right, "
              "y down"
            : "x, y, width, height: left, top and extents, as fractions of the image's sides; x to the "
              "right, "
              "y down");
    add_metadata(
        model, "preprocessing",
        config.preprocess == Preprocess::unit
            ? "RGB, bytes divided by 255"
            : "BGR, bytes minus 103.939, 116.779, 123.68 (keras.applications.vgg16.preprocess_input)");
    add_metadata(model, "input_layout", layout == ImageLayout::nhwc ? "NHWC" : "NCHW");
}

}  // namespace

void export_onnx(const std::string& path, const std::vector<NamedArray>& arrays,
                 const LocalizerConfig& config, ImageLayout layout) {
    onnx::ModelProto model;
    model.set_ir_version(kIrVersion);
    model.set_producer_name("objloc");
    model.add_opset_import()->set_version(kOpset);
    describe_model(model, config, layout);

    onnx::GraphProto& proto = *model.mutable_graph();
    proto.set_name("objloc_localizer");
    OnnxGraph graph(proto);
    std::string features = "image";
    if (layout == ImageLayout::nhwc) {
        describe(*proto.add_input(), "image", {config.side, config.side, 3});
        features = "image_nchw";
        set_attribute(graph.add_node("Transpose", {"image"}, features), "perm", {0, 3, 1, 2});
    } else {
        describe(*proto.add_input(), "image", {3, config.side, config.side});
    }
    describe(*proto.add_output(), "box", {config.outputs()});
    const std::vector<std::string> blocks = add_blocks(graph, arrays, config, features);
    config.head == HeadForm::flatten ? add_flatten_head(graph, arrays, blocks.back())
                                     : add_cells_head(graph, arrays, config, blocks);

    std::string bytes;
    if (!model.SerializeToString(&bytes)) {
        throw Error(path, "the model could not be put into ONNX's form: it may exceed protobuf's 2 GB");
    }
    write_file_atomically(path, bytes);
}

}  // namespace objloc
