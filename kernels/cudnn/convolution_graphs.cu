// The graph of a convolution.
//     forward             x * w -> y, or x * w -> sums (+ bias -> shifted) (relu ->) y
//     backward_data       dy * w -> dx
//     backward_weights    x * dy -> dw
//
// cuDNN counts a tensor's dimensions as N, C, H, W and a filter's as K, C, R, S whatever the layout: that is
// said by the strides. Values between operations are "virtual": they stay in registers, in fp32.
// Reference: NVIDIA cuDNN API, CUDNN_BACKEND_OPERATION_CONVOLUTION_*_DESCRIPTOR.
#include "objloc/kernels/cudnn/convolution_graphs.cuh"

#include <algorithm>
#include <utility>

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

enum : int64_t { kSums = kBias + 1, kShifted };  // virtual

using Extents = std::vector<int64_t>;
using Parts = std::deque<GraphDescriptor>;

const GraphDescriptor& finished(Parts& parts, GraphDescriptor part) {
    part.finalize();
    parts.push_back(std::move(part));
    return parts.back();
}

cudnnDataType_t data_type(DType type) {
    return type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

const GraphDescriptor& tensor(Parts& parts, int64_t number, DType type, int64_t alignment,
                              const Extents& extents, const Extents& strides, bool is_virtual = false) {
    GraphDescriptor made(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor");
    made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, number);
    made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, data_type(type));
    made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::max(alignment, static_cast<int64_t>(size_of(type))));
    made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, extents);
    made.set(CUDNN_ATTR_TENSOR_STRIDES, strides);
    made.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual);
    return finished(parts, std::move(made));
}

/// (N, H, W, C) in memory.
const GraphDescriptor& images(Parts& parts, const ConvolutionGraphSpec& spec, int64_t number, DType type,
                              int64_t channels, int64_t rows, int64_t columns, bool is_virtual = false) {
    return tensor(parts, number, type, spec.alignment, {spec.problem.N, channels, rows, columns},
                  {rows * columns * channels, 1, columns * channels, channels}, is_virtual);
}

const GraphDescriptor& inputs(Parts& parts, const ConvolutionGraphSpec& spec) {
    return images(parts, spec, kX, spec.type, spec.problem.C, spec.problem.H, spec.problem.W);
}

const GraphDescriptor& outputs(Parts& parts, const ConvolutionGraphSpec& spec, int64_t number, DType type,
                               bool is_virtual = false) {
    const Conv2dProblem& p = spec.problem;
    return images(parts, spec, number, type, p.K, p.P(), p.Q(), is_virtual);
}

const GraphDescriptor& filters(Parts& parts, const ConvolutionGraphSpec& spec, DType type) {
    const Conv2dProblem& p = spec.problem;
    const Extents in_place = {1, p.K, p.S * p.C * p.K, p.C * p.K};
    const Extents transposed = {p.R * p.S * p.C, 1, p.S * p.C, p.C};
    return tensor(parts, kW, type, spec.alignment, {p.K, p.C, p.R, p.S},
                  spec.filters_in_place ? in_place : transposed);
}

const GraphDescriptor& convolution(Parts& parts, const Conv2dProblem& p) {
    GraphDescriptor made(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "a convolution");
    made.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    made.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
    made.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
    made.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Extents{p.stride_h, p.stride_w});
    made.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, Extents{1, 1});
    made.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Extents{p.pad_top, p.pad_left});
    made.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Extents{p.pad_bottom, p.pad_right});
    return finished(parts, std::move(made));
}

/// What cuDNN calls the attributes of a pass.
struct PassNames {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

PassNames names_of(ConvPass pass) {
    if (pass == ConvPass::forward) {
        return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    }
    if (pass == ConvPass::backward_data) {
        return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    }
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

const GraphDescriptor& convolve(Parts& parts, const ConvolutionGraphSpec& spec, const GraphDescriptor& y) {
    const PassNames names = names_of(spec.pass);
    const bool weights = spec.pass == ConvPass::backward_weights;
    GraphDescriptor made(names.operation, "a convolution's operation");
    made.set(names.convolution, convolution(parts, spec.problem));
    made.set(names.x, inputs(parts, spec));
    made.set(names.w, filters(parts, spec, weights ? spec.weight_gradient : spec.type));
    made.set(names.y, y);
    made.set(names.alpha, 1.0f);
    made.set(names.beta, 0.0f);
    return finished(parts, std::move(made));
}

/// to = mode(from), or mode(from, other).
const GraphDescriptor& pointwise(Parts& parts, cudnnPointwiseMode_t mode, const GraphDescriptor& from,
                                 const GraphDescriptor* other, const GraphDescriptor& to) {
    GraphDescriptor what(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "an elementwise operation");
    what.set(CUDNN_ATTR_POINTWISE_MODE, mode);
    what.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
    GraphDescriptor made(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "an elementwise operation");
    made.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, finished(parts, std::move(what)));
    made.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, from);
    if (other != nullptr) made.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other);
    made.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
    return finished(parts, std::move(made));
}

}  // namespace

ConvolutionGraph::ConvolutionGraph(cudnnHandle_t cudnn, const ConvolutionGraphSpec& spec)
    : graph_(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "a graph"), fused_bias_(spec.fused_bias) {
    const bool fused = spec.fused_bias || spec.fused_relu;
    const GraphDescriptor& y = outputs(parts_, spec, kY, spec.type);
    const GraphDescriptor* sums = fused ? &outputs(parts_, spec, kSums, DType::f32, true) : &y;
    std::vector<const GraphDescriptor*> operations = {&convolve(parts_, spec, *sums)};
    if (spec.fused_bias) {
        const int64_t K = spec.problem.K;
        const GraphDescriptor& bias =
            tensor(parts_, kBias, DType::f32, spec.alignment, {1, K, 1, 1}, {K, 1, K, K});
        const GraphDescriptor* shifted =
            spec.fused_relu ? &outputs(parts_, spec, kShifted, DType::f32, true) : &y;
        operations.push_back(&pointwise(parts_, CUDNN_POINTWISE_ADD, *sums, &bias, *shifted));
        sums = shifted;
    }
    if (spec.fused_relu) {
        operations.push_back(&pointwise(parts_, CUDNN_POINTWISE_RELU_FWD, *sums, nullptr, y));
    }
    graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, cudnn);
    graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
    supported_ = graph_.try_finalize();
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
