#include "tools/weights/onnx_export.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"
#include "models/torch_names.h"
#include "models/vgg16.h"

namespace objloc {
namespace {

constexpr int kIrVersion = 8;  // the one that came with opset 17
constexpr int kOpset = 17;

/// Collects nodes and weights; every node has one output, named after the layer.
class Graph {
  public:
    explicit Graph(onnx::GraphProto& graph) : graph_(graph) {}

    void add_weight(const std::string& name, const NamedArray& array) {
        onnx::TensorProto& tensor = *graph_.add_initializer();
        tensor.set_name(name);
        tensor.set_data_type(onnx::TensorProto::FLOAT);
        for (int axis = 0; axis < array.shape.rank(); ++axis) tensor.add_dims(array.shape[axis]);
        tensor.set_raw_data(array.values.data(), array.values.size() * sizeof(float));  // little-endian
    }

    onnx::NodeProto& add_node(const std::string& op, const std::vector<std::string>& inputs,
                              const std::string& output) {
        onnx::NodeProto& node = *graph_.add_node();
        node.set_op_type(op);
        node.set_name(output);
        for (const std::string& input : inputs) node.add_input(input);
        node.add_output(output);
        return node;
    }

  private:
    onnx::GraphProto& graph_;
};

void set_ints(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
}

void set_int(onnx::NodeProto& node, const std::string& name, int64_t value) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
}

/// A float tensor whose first axis, the batch, is free.
void describe(onnx::ValueInfoProto& value, const std::string& name, const std::vector<int64_t>& extents) {
    value.set_name(name);
    onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    for (const int64_t extent : extents) type.mutable_shape()->add_dim()->set_dim_value(extent);
}

const NamedArray& find(const std::vector<NamedArray>& arrays, const std::string& name) {
    const auto found =
        std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) { return a.name == name; });
    if (found == arrays.end()) throw Error("ONNX export", "the model lacks " + name);
    return *found;
}

/// Convolutions with ReLU and pools, on the NCHW `features`; the name of the last block's output.
std::string add_features(Graph& graph, const std::vector<NamedArray>& arrays, const LocalizerConfig& config,
                         std::string features) {
    for (const Vgg16Conv& layer : vgg16_convolutions(config.width, config.side)) {
        graph.add_weight(layer.name + ".weight", hwio_to_oihw(find(arrays, layer.name + "/kernel")));
        graph.add_weight(layer.name + ".bias", find(arrays, layer.name + "/bias"));
        onnx::NodeProto& convolution =
            graph.add_node("Conv", {features, layer.name + ".weight", layer.name + ".bias"}, layer.name);
        set_ints(convolution, "kernel_shape", {3, 3});
        set_ints(convolution, "pads", {1, 1, 1, 1});
        features = layer.name + "_relu";
        graph.add_node("Relu", {layer.name}, features);
        if (!layer.last_in_block()) continue;
        onnx::NodeProto& pool = graph.add_node("MaxPool", {features}, layer.pool_name);
        set_ints(pool, "kernel_shape", {2, 2});
        set_ints(pool, "strides", {2, 2});
        features = layer.pool_name;
    }
    return features;
}

/// ONNX flattens channels first, Keras channels last: the weights' rows are reordered instead of the
/// features.
void add_head(Graph& graph, const std::vector<NamedArray>& arrays, const std::string& features) {
    const int64_t channels = find(arrays, "block5_conv3/bias").shape[0];
    graph.add_weight("dense.weight", dense_to_torch("ONNX export", find(arrays, "dense/kernel"), channels));
    graph.add_weight("dense.bias", find(arrays, "dense/bias"));
    graph.add_node("Flatten", {features}, "flatten");
    set_int(graph.add_node("Gemm", {"flatten", "dense.weight", "dense.bias"}, "logits"), "transB", 1);
    graph.add_node("Sigmoid", {"logits"}, "box");
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
    if (config.head != HeadForm::flatten) {
        throw Error(path, fmt::format("the head '{}' has no ONNX form here", name_of(config.head)),
                    "Export a model trained with --head flatten, or convert to .h5 or .safetensors.");
    }
    onnx::ModelProto model;
    model.set_ir_version(kIrVersion);
    model.set_producer_name("objloc");
    model.add_opset_import()->set_version(kOpset);
    describe_model(model, config, layout);

    onnx::GraphProto& proto = *model.mutable_graph();
    proto.set_name("objloc_localizer");
    Graph graph(proto);
    std::string features = "image";
    if (layout == ImageLayout::nhwc) {
        describe(*proto.add_input(), "image", {config.side, config.side, 3});
        features = "image_nchw";
        set_ints(graph.add_node("Transpose", {"image"}, features), "perm", {0, 3, 1, 2});
    } else {
        describe(*proto.add_input(), "image", {3, config.side, config.side});
    }
    describe(*proto.add_output(), "box", {config.outputs()});
    add_head(graph, arrays, add_features(graph, arrays, config, features));

    std::string bytes;
    if (!model.SerializeToString(&bytes)) {
        throw Error(path, "the model could not be put into ONNX's form: it may exceed protobuf's 2 GB");
    }
    write_file_atomically(path, bytes);
}

}  // namespace objloc
