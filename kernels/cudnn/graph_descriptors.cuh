// A descriptor of cuDNN's graph interface, owned: made, given attributes, finalized. Everything there is a
// descriptor: tensors, operations, graphs of them, engines, plans.
// Reference: NVIDIA cuDNN API, "Backend descriptor types".
#pragma once

#include <cstdint>
#include <vector>

#include "objloc/kernels/cudnn/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

/// What cuDNN calls an attribute of this type.
template <typename T>
struct AttributeType;
template <cudnnBackendAttributeType_t type>
struct AttributeTypeIs {
    static constexpr cudnnBackendAttributeType_t kValue = type;
};
template <>
struct AttributeType<int64_t> : AttributeTypeIs<CUDNN_TYPE_INT64> {};
template <>
struct AttributeType<float> : AttributeTypeIs<CUDNN_TYPE_FLOAT> {};
template <>
struct AttributeType<bool> : AttributeTypeIs<CUDNN_TYPE_BOOLEAN> {};
template <>
struct AttributeType<void*> : AttributeTypeIs<CUDNN_TYPE_VOID_PTR> {};
template <>
struct AttributeType<cudnnHandle_t> : AttributeTypeIs<CUDNN_TYPE_HANDLE> {};
template <>
struct AttributeType<cudnnDataType_t> : AttributeTypeIs<CUDNN_TYPE_DATA_TYPE> {};
template <>
struct AttributeType<cudnnConvolutionMode_t> : AttributeTypeIs<CUDNN_TYPE_CONVOLUTION_MODE> {};
template <>
struct AttributeType<cudnnPointwiseMode_t> : AttributeTypeIs<CUDNN_TYPE_POINTWISE_MODE> {};
template <>
struct AttributeType<cudnnBackendHeurMode_t> : AttributeTypeIs<CUDNN_TYPE_HEUR_MODE> {};
template <>
struct AttributeType<cudnnBackendKnobType_t> : AttributeTypeIs<CUDNN_TYPE_KNOB_TYPE> {};
template <>
struct AttributeType<cudnnBackendNumericalNote_t> : AttributeTypeIs<CUDNN_TYPE_NUMERICAL_NOTE> {};

class GraphDescriptor {
  public:
    /// `what` names it in errors: "a tensor".
    GraphDescriptor(cudnnBackendDescriptorType_t type, const char* what);

    template <typename T>
    void set(cudnnBackendAttributeName_t name, const T& value) {
        set_elements(name, AttributeType<T>::kValue, 1, &value);
    }
    template <typename T>
    void set(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
        set_elements(name, AttributeType<T>::kValue, static_cast<int64_t>(values.size()), values.data());
    }
    void set(cudnnBackendAttributeName_t name, const GraphDescriptor& part);
    void set(cudnnBackendAttributeName_t name, const std::vector<const GraphDescriptor*>& parts);

    template <typename T>
    T get(cudnnBackendAttributeName_t name) const {
        T value{};
        get_elements(name, AttributeType<T>::kValue, 1, &value);
        return value;
    }
    /// All elements of an attribute that has at most so many.
    template <typename T>
    std::vector<T> get_all(cudnnBackendAttributeName_t name, int64_t most) const {
        std::vector<T> values(static_cast<size_t>(most));
        values.resize(static_cast<size_t>(get_elements(name, AttributeType<T>::kValue, most, values.data())));
        return values;
    }
    /// Descriptors that are attributes; `type` and `what` are theirs.
    GraphDescriptor get_part(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                             const char* what) const;
    std::vector<GraphDescriptor> get_parts(cudnnBackendAttributeName_t name,
                                           cudnnBackendDescriptorType_t type, const char* what) const;
    /// The same where cuDNN does not say how many there are: at most `most`.
    std::vector<GraphDescriptor> get_parts(cudnnBackendAttributeName_t name,
                                           cudnnBackendDescriptorType_t type, const char* what,
                                           int64_t most) const;

    void finalize();
    /// Finalizes what cuDNN may not be able to do; says whether it is.
    bool try_finalize();

    cudnnBackendDescriptor_t get() const { return descriptor_.get(); }

  private:
    void set_elements(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                      const void* elements);
    /// Returns how many there are, of which at most `count` were written.
    int64_t get_elements(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                         void* elements) const;

    Owned<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor> descriptor_;
    const char* what_;
};

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
