// Building an ONNX graph node by node. ONNX's own headers stay below it and onnx_export.cpp.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/models/formats/named_arrays.h"

namespace objloc {

/// Collects nodes and constants; every node has the name of its first output.
class OnnxGraph {
  public:
    explicit OnnxGraph(onnx::GraphProto& graph) : graph_(graph) {}

    /// A float32 constant, under its own name.
    void add_constant(const NamedArray& array);
    /// An int64 constant with one axis, as shapes, axes and splits are.
    void add_constant(const std::string& name, const std::vector<int64_t>& values);
    /// A node with one output, which may be given more. The reference holds until the next node.
    onnx::NodeProto& add_node(const std::string& op, const std::vector<std::string>& inputs,
                              const std::string& output);

  private:
    onnx::TensorProto& add_initializer(const std::string& name, const std::vector<int64_t>& extents);

    onnx::GraphProto& graph_;
};

void set_attribute(onnx::NodeProto& node, const std::string& name, int64_t value);
void set_attribute(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values);

/// Makes `value` a float32 tensor whose first axis, the batch, is free.
void describe(onnx::ValueInfoProto& value, const std::string& name, const std::vector<int64_t>& extents);

}  // namespace objloc
