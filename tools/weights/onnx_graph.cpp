#include "tools/weights/onnx_graph.h"

namespace objloc {

onnx::TensorProto& OnnxGraph::add_initializer(const std::string& name, const std::vector<int64_t>& extents) {
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    for (const int64_t extent : extents) tensor.add_dims(extent);
    return tensor;
}

void OnnxGraph::add_constant(const NamedArray& array) {
    std::vector<int64_t> extents;
    for (int axis = 0; axis < array.shape.rank(); ++axis) extents.push_back(array.shape[axis]);
    onnx::TensorProto& tensor = add_initializer(array.name, extents);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.set_raw_data(array.values.data(), array.values.size() * sizeof(float));  // little-endian
}

void OnnxGraph::add_constant(const std::string& name, const std::vector<int64_t>& values) {
    onnx::TensorProto& tensor = add_initializer(name, {static_cast<int64_t>(values.size())});
    tensor.set_data_type(onnx::TensorProto::INT64);
    for (const int64_t value : values) tensor.add_int64_data(value);
}

onnx::NodeProto& OnnxGraph::add_node(const std::string& op, const std::vector<std::string>& inputs,
                                     const std::string& output) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(output);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
}

void set_attribute(onnx::NodeProto& node, const std::string& name, int64_t value) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
}

void set_attribute(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
}

void describe(onnx::ValueInfoProto& value, const std::string& name, const std::vector<int64_t>& extents) {
    value.set_name(name);
    onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    for (const int64_t extent : extents) type.mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace objloc
